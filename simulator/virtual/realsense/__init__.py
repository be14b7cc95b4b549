"""Writes recordings of a virtual RealSense, for the real `rs.pipeline` to play.

`pattern` draws frames that say their own number, `scenes` takes them from a simulated task, `recorder` writes either
to a file, with the stamps and metadata of a camera whose clock, exposure and transport are known.
"""

from simulator.virtual.realsense.pattern import draw_pattern, read_number
from simulator.virtual.realsense.recorder import Shot, VirtualCamera, record

__all__ = ["Shot", "VirtualCamera", "draw_pattern", "read_number", "record"]
