"""Keeps the output of long-running commands safe."""
