"""Reads what is exported with LeRobot itself; see `make lerobot-check`."""
