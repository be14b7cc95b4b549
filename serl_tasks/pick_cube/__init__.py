"""Lift a cube that lies anywhere in reach."""
