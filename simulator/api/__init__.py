"""Serves the robot API over MuJoCo, and `SimulatorService`."""
