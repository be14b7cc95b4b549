"""Sizes of cable and clip and where the clip is, for simulator and client. Lengths in m."""

CLIP = "clip"
"""Name of the clip; its frame is in the middle of its mouth, x along the cable that lies in it, z up."""
CLIP_PLACE = (0.5, 0.0)
"""Middle of the clip, x and y in `base`."""
MOUTH_HEIGHT = 0.03
"""Of the clip's mouth, above the table."""
CLIP_DEPTH = 0.012
"""From the mouth to the floor between the jaws."""
CLIP_HALF_LENGTH = 0.010
"""Half of the jaws' length, along the cable."""
CLEARANCE = 0.0008
"""Between cable and jaw on each side."""
CHAMFER = 0.0025
"""How far the mouth is wider on each side; it narrows at 45 degrees."""

RADIUS = 0.003
"""Of the cable."""
SEGMENT_COUNT = 12
"""Links of the chain that the cable is made of, from the fingers to its loose end."""
SEGMENT_LENGTH = 0.015
"""Of each."""
SEGMENTS = tuple(f"cable_{index}" for index in range(SEGMENT_COUNT))
"""Names of the links; the frame of each is at its end towards the fingers, x along it."""
LAID = SEGMENTS[3:]
"""Links that may lie in the clip; the fingers cannot come nearer to it."""
AIMED_LINK = 5
"""Link whose frame a script lays in the middle of the clip."""
HELD_AT = AIMED_LINK * SEGMENT_LENGTH
"""Distance of the TCP before the clip when that link lies in it."""
HELD_HEIGHT = 0.027
"""Height of the TCP then."""
