"""Drives an arm by teleoperation devices and scripted experts."""
