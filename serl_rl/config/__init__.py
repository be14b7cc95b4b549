"""Defines the settings of an experiment and finds named presets."""
