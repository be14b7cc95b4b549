"""Composes scenes: arm, gripper, surroundings and a task's props in one model."""
