"""Keeps what a run leaves on disk: directory, checkpoints and their provenance."""
