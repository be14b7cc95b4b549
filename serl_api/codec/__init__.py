"""Converts values to messages of the robot API and back."""
