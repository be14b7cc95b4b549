"""Controls one cell, without the transport: sessions, limits, faults, motions and events."""
