"""Selects, scales and flattens numbers of an observation into one vector, in an explicit order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.rotation import to_matrix
from serl_api.values import FloatArray


@dataclass(frozen=True, kw_only=True)
class StateComponent:
    """Selects numbers of the observation: `(observation[key][indices] - minus - offset) / scale`."""

    name: str
    """What it is; component names in the vector are this and a number, such as "tcp_position.0"."""
    key: str
    """Key of the observation."""
    indices: tuple[int, ...]
    """Which of its numbers, in this order."""
    scale: float
    """What counts as one, in the unit of the key."""
    offset: tuple[float, ...] = ()
    """What counts as zero, one number an index; empty is zero."""
    minus_key: str = ""
    """Key whose numbers at the same indices are subtracted; empty for none."""
    as_rotation_matrix: bool = False
    """Whether the indices count the 9 numbers of the rotation matrix, row by row, of the pose under `key`.

    A quaternion jumps to its negative where w = 0, which is where a tool that points down is; a matrix never jumps
    (Zhou et al. 2019, https://arxiv.org/abs/1812.07035).
    """
    needs_rotation: bool = False
    """Whether it belongs to the vector only where actions turn the TCP."""


_XYZ, _LAST = (0, 1, 2), (3, 4, 5)

PROPRIOCEPTION = (
    StateComponent(name="tcp_position", key="tcp_pose", indices=_XYZ, offset=(0.4, 0.0, 0.1), scale=0.2),
    StateComponent(name="tcp_linear_velocity", key="tcp_twist", indices=_XYZ, scale=0.3),
    StateComponent(name="gripper_width", key="gripper_width", indices=(0,), offset=(0.0425,), scale=0.0425),
    StateComponent(
        name="tcp_axes_x_y",
        key="tcp_pose",
        indices=(0, 3, 6, 1, 4, 7),
        scale=1.0,
        as_rotation_matrix=True,
        needs_rotation=True,
    ),
    StateComponent(name="tcp_angular_velocity", key="tcp_twist", indices=_LAST, scale=1.0, needs_rotation=True),
)
"""What the arm knows of itself: position, velocity, gripper, and with rotation orientation and angular velocity."""


class StateVector:
    """Makes one float32 vector of an observation's numbers.

    The order is that of the components, never alphabetical by accident; `names` says what each number is.

    Args:
        components: What goes into the vector.
    """

    def __init__(self, components: Sequence[StateComponent]) -> None:
        self.components = tuple(components)
        self.names = tuple(
            f"{component.name}.{position}"
            for component in self.components
            for position in range(len(component.indices))
        )
        self._offsets, self._scales = _offsets_and_scales(self.components)

    def of(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Returns the vector of an observation, shape (len(names),)."""
        raw = np.concatenate([_select(component, observation) for component in self.components])
        return ((raw - self._offsets) / self._scales).astype(np.float32)


class FlattenState(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Turns observations into {"state": float32 vector, camera images unchanged}.

    Args:
        env: Environment with a Dict observation.
        components: What goes into the vector.

    Raises:
        ValueError: A component names a key or an index that the observation lacks.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], components: Sequence[StateComponent]) -> None:
        super().__init__(env)
        inner = env.observation_space
        if not isinstance(inner, spaces.Dict):
            raise ValueError(f"FlattenState needs a Dict observation, not {inner}")
        for component in components:
            _check(component, inner)
        self._vector = StateVector(components)
        self.components = self._vector.components
        self.component_names = self._vector.names
        self._image_keys = tuple(key for key, space in inner.spaces.items() if len(space.shape or ()) == 3)
        size = len(self.component_names)
        state = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.observation_space = spaces.Dict({"state": state} | {key: inner[key] for key in self._image_keys})

    def observation(self, observation: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Flattens one observation."""
        return {"state": self._vector.of(observation)} | {key: observation[key] for key in self._image_keys}


def _select(component: StateComponent, observation: Mapping[str, NDArray[Any]]) -> FloatArray:
    indices = list(component.indices)
    if component.as_rotation_matrix:
        return to_matrix(observation[component.key][3:7]).ravel()[indices]
    values = observation[component.key][indices]
    return values - observation[component.minus_key][indices] if component.minus_key else values


def _offsets_and_scales(components: Sequence[StateComponent]) -> tuple[FloatArray, FloatArray]:
    offsets = [component.offset or (0.0,) * len(component.indices) for component in components]
    scales = [(component.scale,) * len(component.indices) for component in components]
    return np.concatenate(offsets).astype(float), np.concatenate(scales).astype(float)


def _check(component: StateComponent, inner: spaces.Dict) -> None:
    for key in filter(None, (component.key, component.minus_key)):
        if key not in inner.spaces:
            raise ValueError(
                f'no "{key}" in the observation for {component.name}; there are: {", ".join(inner.spaces)}'
            )
        size = (inner[key].shape or (0,))[0]
        size = 9 if component.as_rotation_matrix else size
        if not all(0 <= index < size for index in component.indices):
            raise ValueError(f"{component.name} takes indices {component.indices} of {key}, which has {size} numbers")
    if component.offset and len(component.offset) != len(component.indices):
        raise ValueError(f"{component.name} has {len(component.offset)} offsets for {len(component.indices)} indices")
