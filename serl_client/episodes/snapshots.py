"""Collects what a robot measured beside the observations: joints, stamps of the sensors, numbers of frames."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray, Observation, RobotState


class SnapshotLog:
    """Collects what the snapshots of one episode tell, one for each observation; no picture is kept.

    An environment offers the newest as `snapshot`, a `serl_api.values.Observation`, as `RobotEnv` does; of one that
    offers none nothing is kept.

    Args:
        env: The environment, with its wrappers.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self._env = env
        self._has_any = True
        self._start_ns: int | None = None
        self._joints: list[dict[str, FloatArray]] = []
        self._stamps: list[dict[str, int]] = []
        self._frames: list[dict[str, int]] = []

    def take(self) -> None:
        """Takes the snapshot of the observation that was just returned."""
        try:
            snapshot = self._env.get_wrapper_attr("snapshot") if self._has_any else None
        except AttributeError:
            snapshot = None
        if not isinstance(snapshot, Observation):
            self._has_any = False
            return
        if self._start_ns is None:
            self._start_ns = snapshot.reference_time_ns
        start_ns = snapshot.reference_time_ns - self._start_ns
        self._joints.append(_measured(snapshot.state))
        self._stamps.append(
            {one.sensor: start_ns + one.offset_ns for one in snapshot.offsets.values() if not one.missing}
        )
        self._frames.append({name: frame.frame_number for name, frame in snapshot.frames.items()})

    def arrays(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Returns the fields of `Episode` that snapshots tell: sensors, their stamps and the numbers of frames."""
        if not self._has_any or not self._joints:
            return {}
        names = [name for name in self._joints[0] if all(name in joints for joints in self._joints)]
        return {
            "sensors": {name: np.stack([joints[name] for joints in self._joints]) for name in names},
            "sensor_stamps_ns": _held(self._stamps),
            "frame_numbers": {name: numbers - numbers[0] for name, numbers in _held(self._frames).items()},
        }


def _measured(state: RobotState) -> dict[str, FloatArray]:
    values = {
        "joint_positions": state.joint_positions,
        "joint_velocities": state.joint_velocities,
        "joint_torques": state.joint_torques,
    }
    return values if state.gripper is None else values | {"gripper_width": np.array((state.gripper.width,))}


def _held(values: list[dict[str, int]]) -> dict[str, NDArray[np.int64]]:
    """Returns a column for each name that the first has; where a later one lacks it, what stood before stays."""
    columns = {}
    for name, value in values[0].items():
        column = []
        for one in values:
            value = one.get(name, value)
            column.append(value)
        columns[name] = np.array(column, np.int64)
    return columns
