"""Sizes of pan, egg and spatula and where the spatula hangs, for simulator and client. Lengths in m."""

PAN = "pan"
"""Name of the pan, which the hand holds; its frame is on its bottom over the ridge, z up, x away from the hand."""
EGG = "egg"
"""Name of the egg; its frame is in its middle, z out of the side that is up at first."""
YOLK = "yolk"
"""Name of the yolk, which says which side is up."""
SPATULA = "spatula"
"""Name of the spatula; its frame is in the middle of its tip's lower edge."""

PAN_FROM_TCP = (0.17, 0.0, -0.02)
"""From the TCP to the pan's frame, along base axes while the tool points straight down."""
PAN_NEAR, PAN_FAR = 0.095, 0.125
"""From the ridge to the rim towards the hand and to the one away from it."""
PAN_HALF_WIDTH = 0.075
RIM_HEIGHT = 0.025
RIDGE_HEIGHT = 0.005
RIDGE_HALF = 0.002
"""Half the ridge's thickness."""

EDGE_RADIUS = 0.008
"""Of the egg's rounded edge, half its thickness."""
EGG_RADIUS = 0.028
"""From its middle to the middle of the edge."""
YOLK_HEIGHT = 0.008
"""Of the yolk over the middle of the egg."""
EGG_PLACE = RIDGE_HALF + EDGE_RADIUS + EGG_RADIUS + 0.003
"""Where the egg lies at first, along x of the pan."""

SPATULA_PLACE = (0.68, 0.0, 0.30)
"""Of the spatula's tip, in `base`."""
BLADE_LENGTH = 0.016
BLADE_HALF_WIDTH = 0.035
WIRE_RADIUS = 0.0015
"""Of the wire that the spatula is bent from."""
