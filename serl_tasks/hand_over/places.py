"""Size of the bar and where it lies, and where the arms stand and meet, for simulator and client. Lengths in m."""

import math

BAR = "bar"
"""Name of the bar; its frame is in its middle, x along it."""
BAR_HALF = (0.08, 0.01, 0.01)
"""Half its edges."""
GRASP_OFFSET = 0.05
"""From its middle to where each hand holds it, along it."""
LOWER, UPPER = (0.42, -0.05), (0.50, 0.05)
"""Corners of the area of its middle at first, in the left arm's base."""
MAX_YAW = 0.1
"""Of the bar at first, rad; the fingers turn it straight."""
RIGHT_BASE = (1.0, 0.0, 0.0)
"""Base of the right arm in the left one's."""
RIGHT_YAW = math.pi
"""Turn of that base about the vertical, rad: the arms face each other."""
MEETING = (0.5, 0.0, 0.18)
"""Where the bar's middle is handed over, in either arm's base."""
TAKEN_HEIGHT = 0.10
"""Height of the bar's middle from which it counts as carried."""
LET_GO_WIDTH = 0.05
"""Opening from which the left hand has let go."""
HELD_WIDTH = 0.03
"""Opening below which the right hand has closed on the bar."""
