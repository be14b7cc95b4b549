"""Learned rewards: classifiers and VICE."""
