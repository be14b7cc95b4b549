"""Sizes of peg and socket and where the socket stands, for simulator and client."""

PEG = "peg"
"""Name of the peg; its frame is at the tip."""
SOCKET = "socket"
"""Name of the socket; its frame is in the middle of the mouth, z up."""
PEG_HALF_EDGE = 0.008
"""Half the edge of the peg's square section, m."""
PEG_BELOW_TCP = 0.045
"""From the TCP to the peg's tip, m."""
DEPTH = 0.030
"""Depth of the socket; its floor is the table, m."""
SOCKET_PLACE = (0.5, 0.0)
"""Axis of the socket, x and y in m, in `base`."""
