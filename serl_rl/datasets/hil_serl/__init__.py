"""Reads the demonstrations and replay buffers that HIL-SERL and SERL pickle."""
