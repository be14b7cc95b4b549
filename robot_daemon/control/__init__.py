"""The daemon without its transport: sessions, limits, faults, motions and events of one cell."""
