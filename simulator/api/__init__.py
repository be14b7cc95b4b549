"""The robot API over MuJoCo, and `SimulatorService`."""
