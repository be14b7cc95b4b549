"""Shared parts of camera drivers: the thread that reads a stream, and crop and scale of its pictures."""
