"""Devices that a person holds: each turns its reports into twists and buttons."""
