"""Implements the learning algorithms: losses and updates."""
