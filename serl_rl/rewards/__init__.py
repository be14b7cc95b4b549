"""Learns rewards: classifiers and VICE."""
