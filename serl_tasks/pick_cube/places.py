"""Where the cube is and how large, for simulator and client."""

CUBE = "cube"
"""Name of the cube."""
HALF_EDGE = 0.02
"""Half the cube's edge, m."""
LOWER = (0.25, -0.25)
"""Corner of the area where the cube may lie, x and y in m, in `base`."""
UPPER = (0.55, 0.25)
"""The opposite corner."""
