"""A scripted expert for the bins: fetches the nearest item, carries it over, puts it down where there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray
from serl_client.envs.task import Task
from serl_tasks.bin_relocation.choice import choose_item
from serl_tasks.bin_relocation.places import (
    AREA_HALF,
    BIN_X,
    BIN_Y,
    CLEAR_HEIGHT,
    ITEM_DISTANCE,
    ITEM_NAMES,
    Side,
    sign,
)
from serl_tasks.relocate_cube.expert import RelocateCubeExpert, RelocateTuning

_TUNING = RelocateTuning(
    place_lower=(BIN_X - AREA_HALF[0], BIN_Y - AREA_HALF[1]),
    place_upper=(BIN_X + AREA_HALF[0], BIN_Y + AREA_HALF[1]),
    clear_height=CLEAR_HEIGHT,
    carry_height=CLEAR_HEIGHT + 0.02,
    place_height=0.025,
    let_go_height=0.045,
    place_radius=0.02,
)
_DRAWS = 50
"""Places drawn before the last one is taken, occupied or not."""


class BinRelocationExpert:
    """Does with the nearest item what `RelocateCubeExpert` does with its cube.

    Closed loop on the raw info of the environment ("newest_tcp_pose" and the position of each item).

    Args:
        side: Where to.
        task: Scale of actions.
        rotation: Whether the environment's actions turn the TCP; the expert never does.
        noise: Standard deviation of each translation, as a fraction of its length.
        seed: Of the noise and of the places.
    """

    def __init__(
        self, side: Side, task: Task, *, rotation: bool = False, noise: float = 0.0, seed: int | None = None
    ) -> None:
        self._side: Side = side
        self._scale = task.translation_scale
        self._carrier = RelocateCubeExpert(side, task, rotation=rotation, noise=noise, seed=seed, tuning=_TUNING)
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._carrier.reset()
        self._item = ITEM_NAMES[0]
        self._has_place = False

    def action(self, observation: Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> NDArray[np.float32]:
        """Next action.

        Args:
            observation: Not used.
            info: Raw info of the environment's last step or reset.

        Returns:
            Shape (4,), or (7,) with rotation, in [-1, 1].
        """
        tcp = np.asarray(info["newest_tcp_pose"], float)[:3]
        items = {name: np.asarray(info[f"{name}_position"], float) for name in ITEM_NAMES}
        if self._carrier.is_fetching:
            self._item = choose_item(self._side, tcp, items)
        if not self._has_place:
            self._find_place([items[name] for name in items if name != self._item])
        is_carrying = self._carrier.is_carrying
        action = self._carrier.action(observation, {**info, "cube_position": items[self._item]})
        if (
            not is_carrying and action[-1] < 0.0
        ):  # The arm is still moving, and fingers beside its middle squeeze a can out.
            action[:2] = np.clip((items[self._item] - tcp)[:2] / self._scale, -1.0, 1.0)
        return action

    def _find_place(self, others: list[FloatArray]) -> None:
        self._has_place = True
        for _ in range(_DRAWS):
            there = [item for item in others if sign(self._side) * item[1] > 0.0]
            if all(abs(item[0] - self._carrier.place[0]) >= ITEM_DISTANCE for item in there):
                return
            self._carrier.reset()
