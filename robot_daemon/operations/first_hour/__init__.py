"""Leads a person through the first hour with a new cell: one step after the other, each with a verdict.

`protocol` lists the steps and runs them, `bench` serves the arm to them, `hands` asks the person (or a virtual arm) for
what only hands can do, `report` keeps what was found. The steps lie in `connecting`, `standing`, `forces`, `stepping`,
`holding` and `touching`.
"""
