"""Sizes of bins and items and where they are, for simulator and client. Lengths in m, positions in `base`."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["left", "right"]
"""Which bin: left is y above 0."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """Describes something that lies in a bin."""

    name: str
    """Of the body; its frame is in its middle."""
    half_size: tuple[float, float, float]
    """Half its size; of a can, x and y are the radius."""
    is_round: bool = False
    """Whether it is an upright cylinder, else a box."""


ITEMS = (
    Item(name="cube", half_size=(0.02, 0.02, 0.02)),
    Item(name="can", half_size=(0.02, 0.02, 0.025), is_round=True),
    Item(name="bar", half_size=(0.024, 0.015, 0.0175)),
)
"""All that there is to carry; the fingers, open, straddle each at any angle."""
ITEM_NAMES = tuple(item.name for item in ITEMS)

BIN_X = 0.42
"""Middle of both bins."""
BIN_Y = 0.13
"""Distance of each bin's middle from y = 0."""
BIN_HALF = (0.10, 0.09)
"""Half of a bin's floor, between its walls."""
WALL_HEIGHT = 0.04
"""Of the walls."""
AREA_HALF = (0.07, 0.025)
"""Half of the area in the middle of a bin where items lie at first, and where they are put down."""
FILLED_HEIGHT = 0.07
"""Height of an item's middle below which it is in the bin, on the floor or on another item."""
ITEM_DISTANCE = 0.05
"""Smallest distance between two items there along x, so that fingers fit between."""
TCP_HALF = (0.085, 0.045)
"""Half of the area of a bin over which the TCP may go down, open fingers clear of the walls."""
INNER_Y = 0.092
"""Distance of the TCP from y = 0 up to which open fingers would meet the walls between the bins."""
CLEAR_HEIGHT = 0.08
"""Of the TCP, from which what it holds passes over the walls."""


def sign(side: Side) -> float:
    """Sign of y on a side."""
    return 1.0 if side == "left" else -1.0
