"""Stepping, time, impedance, contacts and rendering of a compiled scene."""
