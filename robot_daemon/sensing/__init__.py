"""Samples every sensor, in real time or in lockstep, and synchronises the samples."""
