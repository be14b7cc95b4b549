"""Maps snapshots of a cell to an environment's observation and info."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FloatArray, Observation, Pose
from serl_client.envs.task import Outcome, Task
from serl_client.errors import TaskMismatchError

# Finite, so that a space says something; far beyond what any arm here does, so that no observation ever leaves it.
_BOUNDS = {"position": 10.0, "twist": 100.0, "wrench": 10_000.0, "width": 1.0, "joint": 100.0, "joint_velocity": 1000.0}


MISSING_LIMIT = 3
"""Steps in a row for which the last value of a camera or gripper stands in for one that does not come."""


class ObservationMap:
    """Builds observations of one task.

    A frame that is dropped never stops an arm: the last one stands in, and `info["missing"]` says so. A sensor that
    stays away ends the episode, so that no policy acts, and none learns, on pictures of the past.

    Args:
        task: Which cameras and objects belong to it.
        joint_count: Of the arm.
        has_gripper: Whether the cell has one that tells its opening.
    """

    def __init__(self, task: Task, joint_count: int, *, has_gripper: bool) -> None:
        self._task = task
        self._joint_count = joint_count
        self._has_gripper = has_gripper
        self._last: dict[str, NDArray[Any]] = {}
        self._missing_steps: dict[str, int] = {}

    @property
    def space(self) -> spaces.Dict:
        """Returns the space of observations."""
        sizes = {
            "tcp_twist": (6, "twist"),
            "tcp_wrench": (6, "wrench"),
            "gripper_width": (1, "width"),
            "joint_positions": (self._joint_count, "joint"),
            "joint_velocities": (self._joint_count, "joint_velocity"),
            **{f"{name}_position": (3, "position") for name in (*self._task.tracked_objects, *self._task.choices)},
        }
        pose_bound = np.array([_BOUNDS["position"]] * 3 + [1.0] * 4)
        boxes: dict[str, spaces.Space[Any]] = {"tcp_pose": spaces.Box(-pose_bound, pose_bound, dtype=np.float64)}
        for key, (size, kind) in sizes.items():
            boxes[key] = spaces.Box(-_BOUNDS[kind], _BOUNDS[kind], (size,), np.float64)
        for camera in self._task.cameras:
            boxes[camera] = spaces.Box(0, 255, (*self._task.image_size, 3), np.uint8)
        return spaces.Dict(boxes)

    @property
    def missing(self) -> tuple[str, ...]:
        """Returns the sensors whose last values stand in at present, such as "camera/front" or "gripper"."""
        return tuple(self._missing_steps)

    def begin_episode(self) -> None:
        """Clears what was seen in the last episode."""
        self._last.clear()
        self._missing_steps.clear()

    def encode(self, observation: Observation) -> dict[str, NDArray[Any]]:
        """Builds the observation of a snapshot.

        Raises:
            DeviceUnavailableError: A camera or the gripper delivered nothing since the episode began, or for more than
                `MISSING_LIMIT` steps.
            TaskMismatchError: A camera delivers another size than the task needs.
        """
        state = observation.state
        values: dict[str, NDArray[Any]] = {
            "tcp_pose": pose_vector(state.tcp_pose),
            "tcp_twist": state.tcp_twist,
            "tcp_wrench": state.external_wrench,
            "gripper_width": self._gripper_width(observation),
            "joint_positions": state.joint_positions,
            "joint_velocities": state.joint_velocities,
        }
        for name in self._task.tracked_objects:
            values[f"{name}_position"] = observation.tracked_objects[name].pose.position
        for name, choice in self._task.choices.items():
            values[f"{name}_position"] = observation.tracked_objects[choice(observation)].pose.position
        for camera in self._task.cameras:
            values[camera] = self._image(camera, observation)
        return values

    def _gripper_width(self, observation: Observation) -> FloatArray:
        if not self._has_gripper:
            return np.zeros(1)
        gripper = observation.state.gripper
        return self._known("gripper", None if gripper is None else np.array((gripper.width,)))

    def _known(self, sensor: str, value: NDArray[Any] | None) -> NDArray[Any]:
        """Returns the value, or the last one in its place while it is missing for a few steps."""
        if value is not None:
            self._last[sensor] = value
            self._missing_steps.pop(sensor, None)
            return value
        if sensor not in self._last:
            text = f"{_spoken(sensor)} delivered nothing since the episode began; is it plugged in?"
            raise DeviceUnavailableError(text, device=sensor)
        self._missing_steps[sensor] = self._missing_steps.get(sensor, 0) + 1
        if self._missing_steps[sensor] > MISSING_LIMIT:
            text = (
                f"{_spoken(sensor)} delivered nothing for {MISSING_LIMIT} steps, so the episode ends; is it plugged in?"
            )
            raise DeviceUnavailableError(text, device=sensor)
        return self._last[sensor].copy()

    def _image(self, camera: str, observation: Observation) -> NDArray[np.uint8]:
        frame = observation.frames.get(camera)
        if frame is None:
            return self._known(f"camera/{camera}", None)
        if (frame.height, frame.width) != self._task.image_size:
            raise TaskMismatchError(
                f"camera {camera} delivers {frame.height} x {frame.width} px; {self._task.name} needs "
                f"{self._task.image_size[0]} x {self._task.image_size[1]}"
            )
        return self._known(f"camera/{camera}", frame.rgb)


def _spoken(sensor: str) -> str:
    return sensor.replace("/", " ") if "/" in sensor else f"the {sensor}"


def raw_info(observation: Observation, outcome: Outcome, start: Observation) -> dict[str, Any]:
    """Builds the info of a snapshot: raw values in SI and base frame, whatever wrappers make of the observation."""
    state = observation.state
    return {
        "tcp_pose": pose_vector(state.tcp_pose),
        "newest_tcp_pose": pose_vector(observation.newest_state.tcp_pose),
        "gripper_width": state.gripper.width if state.gripper is not None else math.nan,
        "joint_positions": state.joint_positions,
        **{f"{name}_position": tracked.pose.position for name, tracked in observation.tracked_objects.items()},
        "success": outcome.success,
        "stamp_ns": observation.reference_time_ns - start.reference_time_ns,
        "synchronized": observation.synchronized,
        **outcome.facts,
    }


def pose_vector(pose: Pose) -> FloatArray:
    """Shape (7,): m, xyzw; rounding never leaves [-1, 1]."""
    quaternion = [min(max(component, -1.0), 1.0) for component in pose.quaternion_xyzw.tolist()]
    return np.array((*pose.position.tolist(), *quaternion))
