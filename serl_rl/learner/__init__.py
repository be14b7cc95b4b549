"""Runs the learner: replay, training, checkpoints and the service for actors."""
