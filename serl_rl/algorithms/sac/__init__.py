"""Soft actor-critic: agent, networks, losses and settings."""
