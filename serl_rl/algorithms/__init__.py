"""Algorithms: losses and updates."""
