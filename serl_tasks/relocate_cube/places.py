"""Where the cube lies in each half of the table, for simulator and client."""

LOWER = (0.32, 0.08)
"""Corner of the left area where the cube may lie, x and y in m; the right one is its mirror image in y = 0."""
UPPER = (0.48, 0.20)
"""The opposite corner."""
