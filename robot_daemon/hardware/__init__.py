"""Defines what an arm, a gripper, a camera and a tracker must implement, and the clock of a cell."""
