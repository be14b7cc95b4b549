"""Chooses the item to carry: the nearest one, and what is held before what lies in the bin that it goes to."""

from collections.abc import Mapping

from serl_api.values import FloatArray, Observation
from serl_tasks.bin_relocation.places import ITEM_NAMES, Side, sign

_AWAY = 0.1
"""By how much an item over the bin that it goes to counts as farther away, m; more than a held one is from the TCP."""


def choose_item(side: Side, tcp: FloatArray, items: Mapping[str, FloatArray]) -> str:
    """Name of the item to carry to a side.

    Args:
        side: Where to.
        tcp: Position of the TCP, shape (3,), m.
        items: Position of each item, shape (3,), m.
    """

    def distance(name: str) -> float:
        way = items[name] - tcp
        return float((way @ way) ** 0.5) + (_AWAY if sign(side) * items[name][1] > 0.0 else 0.0)

    return min(items, key=distance)


def chosen_item(side: Side, observation: Observation) -> str:
    """The same from an observation."""
    items = {name: observation.tracked_objects[name].pose.position for name in ITEM_NAMES}
    return choose_item(side, observation.state.tcp_pose.position, items)
