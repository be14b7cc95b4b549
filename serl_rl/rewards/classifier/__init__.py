"""Reward classifiers: networks that see from images whether a task is done, their training, the reward they give."""
