"""Computes what the arm's control box does each millisecond: motions, joint control, reflexes, and the plant."""
