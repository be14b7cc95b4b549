"""Reads the file that describes a cell, and builds the devices that it names."""
