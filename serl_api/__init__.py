"""Gives the schema to Python, for both columns: no torch, MuJoCo, gymnasium or device library."""
