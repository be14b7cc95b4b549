"""Carry a cube from one half of the table to the other, and back."""
