"""Reads and writes LeRobot's data sets: version 3.0 both ways, 2.1 in."""
