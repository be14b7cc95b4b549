"""Implements soft actor-critic: agent, networks, losses and settings."""
