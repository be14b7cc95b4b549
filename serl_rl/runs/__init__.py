"""Whole runs that start and watch several processes."""
