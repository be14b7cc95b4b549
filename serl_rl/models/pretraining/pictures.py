"""Renders labelled images of random scenes: the arm's pose and whatever the scene varies are drawn each time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from serl_api.errors.robot import FaultError, InvalidTargetError
from serl_api.pose_box import PoseBox
from serl_api.values import FloatArray, Observation, Pose
from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.robot import RobotClient
from serl_client.simulator import SimulatorClient

_CENTER = (0.40, 0.0, 0.20)
_LOWER, _UPPER = (-0.17, -0.28, -0.175), (0.17, 0.28, 0.18)
_NEAR_LOWER, _NEAR_UPPER = (-0.05, -0.05, 0.0), (0.05, 0.05, 0.10)
_TURN = (0.1, 0.1, 0.5)
_NEAR_RATIO = 0.5
_CLOSED_RATIO = 0.3
_ATTEMPTS = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Holds images with their labels."""

    images: Mapping[str, np.ndarray]
    """By camera, uint8 of shape (N, H, W, 3)."""
    keypoints: np.ndarray
    """Values of `names` in each scene, m: positions in base, objects from the TCP in base axes, the opening. float32 of
    shape (N, K)."""
    names: tuple[str, ...]
    """Names of the keypoints, such as "cube_x", in order."""

    def __len__(self) -> int:
        """Returns the number of scenes."""
        return len(self.keypoints)


def draw_pictures(
    task: str, count: int, seed: int, *, address: str | None = None, on_scene: Callable[[int], bool] | None = None
) -> Pictures:
    """Draws scenes in a simulator and takes a picture of each with every camera.

    Half of the time the gripper is near the first tracked object, where a policy spends its time and where the wrist
    camera sees it.

    Args:
        task: Simulator's scene.
        count: Number of scenes.
        seed: Seed of scenes and of the arm's starts.
        address: Of a simulator that has loaded it; None starts a private one.
        on_scene: Called with the number of scenes so far; what it returns says whether to go on.

    Returns:
        The pictures; fewer than asked when `on_scene` said so.

    Raises:
        PrivateSimulatorError: No simulator is installed, or it did not start.
        ConnectionLostError: No daemon answers.
    """
    with contextlib.ExitStack() as stack:
        address = address or stack.enter_context(PrivateSimulator(task)).address
        return _draw(stack.enter_context(RobotClient(address)), task, count, seed, on_scene)


def _draw(client: RobotClient, task: str, count: int, seed: int, on_scene: Callable[[int], bool] | None) -> Pictures:
    rng = np.random.default_rng(seed)
    cameras = tuple(client.info.cameras)
    max_width = client.info.gripper.max_width if client.info.gripper is not None else 0.0
    images: dict[str, list[np.ndarray]] = {camera: [] for camera in cameras}
    keypoints: list[FloatArray] = []
    names: tuple[str, ...] = ()
    for number in range(count):
        width = 0.0 if rng.random() < _CLOSED_RATIO else float(rng.uniform(0.0, max_width))
        observation = _draw_scene(client, task, width, cameras, rng)
        names = _names(observation)
        for camera in cameras:
            images[camera].append(observation.frames[camera].rgb.copy())
        keypoints.append(_keypoints(observation))
        if on_scene is not None and not on_scene(number + 1):
            break
    return Pictures(
        images={camera: np.stack(frames) for camera, frames in images.items()},
        keypoints=np.stack(keypoints).astype(np.float32),
        names=names,
    )


def _draw_scene(
    client: RobotClient, task: str, width: float, cameras: tuple[str, ...], rng: np.random.Generator
) -> Observation:
    for attempt in range(_ATTEMPTS):
        try:
            return _try_scene(client, int(rng.integers(2**31)), width, cameras, rng)
        # Out of the arm's reach; or an object stood in the arm, or the arm in the table.
        except (InvalidTargetError, FaultError) as error:
            if attempt == _ATTEMPTS - 1:
                raise
            if isinstance(error, FaultError) and client.recover().remaining:
                SimulatorClient(client.connection).load_task(task)
    raise AssertionError("the last attempt returns or raises")


def _try_scene(
    client: RobotClient, scene_seed: int, width: float, cameras: tuple[str, ...], rng: np.random.Generator
) -> Observation:
    with client.control("pretraining") as session:
        center, lower, upper = np.array(_CENTER), _LOWER, _UPPER
        if rng.random() < _NEAR_RATIO:
            seen = session.reset(seed=scene_seed)
            center, lower, upper = next(iter(seen.tracked_objects.values())).pose.position, _NEAR_LOWER, _NEAR_UPPER
        home = client.info.arm.home_tcp_pose
        box = PoseBox(center=Pose(center, home.quaternion_xyzw), lower=lower, upper=upper, rotation=_TURN)
        return session.reset(seed=scene_seed, start=box.draw(rng), gripper_width=width, cameras=cameras)


def _keypoints(observation: Observation) -> FloatArray:
    tcp = observation.state.tcp_pose.position
    width = observation.state.gripper.width if observation.state.gripper is not None else 0.0
    places = [tracked.pose.position for tracked in observation.tracked_objects.values()]
    return np.concatenate([*places, tcp, *(place - tcp for place in places), [width]])


def _names(observation: Observation) -> tuple[str, ...]:
    points = [*observation.tracked_objects, "tcp", *(f"tcp_to_{name}" for name in observation.tracked_objects)]
    return (*(f"{point}_{axis}" for point in points for axis in "xyz"), "gripper_width")
