"""Holds what camera drivers share: the thread that reads a stream, and crop and resize of its images."""
