"""Reads teleoperation devices: each maps its reports to twists and buttons."""
