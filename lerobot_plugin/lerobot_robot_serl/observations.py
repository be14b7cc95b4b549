"""Turns snapshots of a cell into LeRobot's flat dictionaries: one number a name, and pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lerobot_robot_serl.actions import GRIPPER, POSE_NAMES, joint_names, pose_numbers
from serl_api.cell import CellInfo
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import Observation
from serl_client.envs.observation_map import MISSING_LIMIT, ObservationMap
from serl_client.envs.task import Task
from serl_client.wrappers.flatten_state import StateVector


class CellObserver:
    """Observes one cell. A sensor whose sample is missing keeps its last one for a few observations.

    Args:
        task: Its objects and cameras, all of which the cell has.
        cell: What there is.
        vector: The task's own state vector; None for joints, TCP pose, gripper and objects in SI.
    """

    def __init__(self, task: Task, cell: CellInfo, vector: StateVector | None) -> None:
        self._task = task
        self._cell = cell
        self._vector = vector
        self._numbers = ObservationMap(
            replace(task, cameras=()), cell.arm.joint_count, has_gripper=cell.gripper is not None
        )
        self._pictures: dict[str, NDArray[np.uint8]] = {}
        self._missing: dict[str, int] = {}
        self.names = self._names()
        """Of the numbers, in the order of `observation.state`."""

    @property
    def features(self) -> dict[str, type | tuple[int, ...]]:
        """Describes the observation as LeRobot asks for it: `float`, or (height, width, 3)."""
        cameras = {name: self._cell.cameras[name] for name in self._task.cameras}
        shapes = {name: (camera.height, camera.width, 3) for name, camera in cameras.items()}
        return {**dict.fromkeys(self.names, float), **shapes}

    def begin_episode(self) -> None:
        """Forgets the samples of the last episode."""
        self._numbers.begin_episode()
        self._pictures.clear()
        self._missing.clear()

    def encode(self, observation: Observation) -> dict[str, Any]:
        """Makes LeRobot's dictionary of a snapshot.

        Raises:
            DeviceUnavailableError: An object is not tracked, or a camera or the gripper stays silent.
        """
        lost = [name for name in self._task.tracked_objects if name not in observation.tracked_objects]
        if lost:
            raise DeviceUnavailableError(
                f"{', '.join(lost)} is not tracked at present; is something in the tracker's way?", device="tracker"
            )
        numbers = self._numbers.encode(observation)
        if self._vector is None:
            pose = pose_numbers(observation.state.tcp_pose, self._cell.arm.home_tcp_pose.quaternion_xyzw)
            values = np.concatenate([(numbers | {"tcp_pose": pose})[key] for key in self._keys()])
        else:
            values = self._vector.of(numbers)
        pictures = {name: self._picture(name, observation) for name in self._task.cameras}
        return dict(zip(self.names, values.tolist(), strict=True)) | pictures

    def _names(self) -> tuple[str, ...]:
        if self._vector is not None:
            return tuple(f"{name}.pos" for name in self._vector.names)
        gripper = (GRIPPER,) if self._cell.gripper is not None else ()
        objects = (f"{name}_{axis}.pos" for name in self._task.tracked_objects for axis in "xyz")
        return (*joint_names(self._cell.arm.joint_count), *POSE_NAMES, *gripper, *objects)

    def _keys(self) -> tuple[str, ...]:
        gripper = ("gripper_width",) if self._cell.gripper is not None else ()
        objects = (f"{name}_position" for name in self._task.tracked_objects)
        return ("joint_positions", "tcp_pose", *gripper, *objects)

    def _picture(self, name: str, observation: Observation) -> NDArray[np.uint8]:
        frame = observation.frames.get(name)
        if frame is not None:
            self._missing[name] = 0
            self._pictures[name] = frame.rgb.copy()  # PyTorch takes no array that cannot be written to.
        else:
            self._missing[name] = self._missing.get(name, 0) + 1
        if name not in self._pictures or self._missing[name] > MISSING_LIMIT:
            raise DeviceUnavailableError(
                f"camera {name} delivered nothing for {self._missing[name]} observations; is it plugged in?",
                device=f"camera/{name}",
            )
        return self._pictures[name].copy()
