"""Draws frames that show their own number, in squares coarse enough to survive crop, resize and JPEG."""

import numpy as np
from numpy.typing import NDArray

COLUMNS = 4
ROWS = 4
CODE_HEIGHT = 0.5
"""Part of the picture, from the top, that the squares cover; a bar moves below."""
BAR_PERIOD = 60
"""Frames that the bar takes from left to right."""
NEAR_M = 0.5
FAR_M = 1.0


def draw_pattern(number: int, width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Draws one frame.

    Args:
        number: Of the frame; its low 16 bits are shown.
        width: px, at least 16.
        height: px, at least 16.

    Returns:
        Colour (height, width, 3), and depth (height, width) in mm: the bar is nearer than the rest.
    """
    colour = np.zeros((height, width, 3), np.uint8)
    edge = round(height * CODE_HEIGHT)
    ys = np.minimum(np.arange(edge) * ROWS // edge, ROWS - 1)
    xs = np.minimum(np.arange(width) * COLUMNS // width, COLUMNS - 1)
    bits = (number >> (ys[:, None] * COLUMNS + xs[None, :])) & 1
    colour[:edge] = (bits * 255).astype(np.uint8)[..., None]
    colour[edge:, :, 2] = np.linspace(0, 160, width, dtype=np.uint8)
    depth = np.full((height, width), round(FAR_M * 1000), np.uint16)
    left = round((number % BAR_PERIOD) / BAR_PERIOD * width)
    bar = slice(left, left + max(1, width // 20))
    colour[edge:, bar] = (255, 160, 0)
    depth[edge:, bar] = round(NEAR_M * 1000)
    return colour, depth


def read_number(colour: NDArray[np.uint8]) -> int:
    """Reads the number that a frame shows, modulo 65536; for the whole image, at any size from 16 x 16 px."""
    height, width, _ = colour.shape
    ys = ((np.arange(ROWS) + 0.5) / ROWS * CODE_HEIGHT * height).astype(int)
    xs = ((np.arange(COLUMNS) + 0.5) / COLUMNS * width).astype(int)
    bright = colour[ys[:, None], xs[None, :]].mean(axis=-1) > 127
    return sum(int(bit) << place for place, bit in enumerate(bright.ravel()))
