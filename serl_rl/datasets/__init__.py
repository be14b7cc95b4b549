"""Reads and writes demonstrations in formats of other projects, and serves them to imitation as batches."""
