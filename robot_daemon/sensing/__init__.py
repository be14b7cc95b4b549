"""Samples of every sensor: rings, real-time and lockstep reading, and soft synchronisation."""
