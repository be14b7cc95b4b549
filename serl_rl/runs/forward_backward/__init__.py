"""Trains two opposite tasks at one arm, with a learner for each; each task sets the scene of the other."""
