"""Sizes of stick, holder and port and where they stand, for simulator and client. Lengths in m."""

USB = "usb"
"""Name of the stick; its frame is at the end of the plug, z towards the handle."""
PORT = "port"
"""Name of the port; its frame is in the middle of the mouth, z up."""
HOLDER = "holder"
"""Name of the holder, where the stick stands at first; its frame is likewise in its mouth."""
PLUG_HALF = (0.006, 0.00225)
"""Half the plug's section along x and y of the stick."""
PLUG_LENGTH = 0.012
"""Of the plug, up to the shoulder of the handle."""
HANDLE_HALF = (0.009, 0.005)
"""Half the handle's section."""
HANDLE_LENGTH = 0.036
"""Of the handle."""
GRASP_HEIGHT = 0.030
"""From the end of the plug to where the fingers hold the handle."""
MOUTH_HEIGHT = 0.030
"""Of port and holder, above the table."""
PORT_PLACE = (0.5, -0.04)
"""Axis of the port, x and y in `base`."""
HOLDER_PLACE = (0.5, 0.04)
"""Axis of the holder."""
DEPTH = 0.0125
"""Of the port and of the holder; the shoulder rests on the mouth before the plug meets the floor."""
PORT_CLEARANCE = 0.0004
"""Between plug and port on each side."""
PORT_CHAMFER = 0.001
"""How far the port's mouth is wider on each side."""
HOLDER_CLEARANCE = 0.0015
"""Between plug and holder on each side."""
