"""Runs experiments of several processes."""
