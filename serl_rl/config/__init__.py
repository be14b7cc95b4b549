"""The settings of an experiment, and named presets."""
