"""Simulates robot cells: the robot daemon over MuJoCo, plus what only a simulator can do."""
