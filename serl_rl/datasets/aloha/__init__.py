"""Reads and writes ALOHA's HDF5 files, one an episode, and those of its forks."""
