"""Sizes and places that simulator and environment share, m, in the arm's base frame."""

BLOCK = "block"
HALF_EDGE = 0.025
LOWER, UPPER = (0.38, -0.08), (0.44, 0.08)
"""Corners of the area where the block may lie."""
GOAL, GOAL_RADIUS = (0.55, 0.0), 0.04
"""Middle of the mat, and how near the block's middle must come."""
PUSH_HEIGHT = 0.03
"""Height of the closed fingers."""
