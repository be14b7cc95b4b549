"""Reinforcement learning: learner and actor that speak serl.learner.v1."""
