"""Implements a teleoperator that is no person: the scripted expert of the robot's task."""

from __future__ import annotations

from typing import Any

import numpy as np
from lerobot.teleoperators import Teleoperator
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from lerobot_robot_serl.actions import delta_names
from lerobot_robot_serl.cell_plan import named_task
from lerobot_robot_serl.configs import SerlExpertConfig
from lerobot_robot_serl.serl_robot import connected_robot
from serl_api.values import FloatArray, Observation
from serl_client.envs.observation_map import raw_info
from serl_client.envs.task import Outcome


class SerlExpert(Teleoperator):
    """Does the task by itself, for demonstrations without a person; once it is done, it asks for no motion.

    It sees what the robot of this process observed last, so that it needs no claim of its own.

    Args:
        config: Task and noise.

    Raises:
        ValueError: The task has no scripted expert.
    """

    config_class = SerlExpertConfig
    name = "serl_expert"

    def __init__(self, config: SerlExpertConfig) -> None:
        super().__init__(config)
        self.config = config
        self._task = named_task(config.task)
        if self._task.expert is None:
            raise ValueError(f"the task {config.task} has no scripted expert; drive it by --teleop.type=serl_device")
        rotation = self._task.rotation if config.rotation is None else config.rotation
        self._names = delta_names(rotation=rotation, has_gripper=self._task.has_gripper)
        self._expert = self._task.expert(self._task, rotation=rotation, noise=config.noise, seed=config.seed)
        self._episode: Observation | None = None
        self._is_connected = False

    @property
    def action_features(self) -> dict[str, Any]:
        """Names the numbers of an action."""
        return dict.fromkeys(self._names, float)

    @property
    def feedback_features(self) -> dict[str, Any]:
        """Nothing: an expert feels nothing."""
        return {}

    @property
    def is_connected(self) -> bool:
        """Whether `connect` was called, and `disconnect` not yet."""
        return self._is_connected

    @property
    def is_calibrated(self) -> bool:
        """True."""
        return True

    def connect(self, calibrate: bool = True) -> None:  # noqa: FBT001, FBT002 - LeRobot's signature.
        """Begins. Raises DeviceAlreadyConnectedError where it has."""
        del calibrate
        if self._is_connected:
            raise DeviceAlreadyConnectedError(f"{self} is connected already; disconnect it first")
        self._is_connected = True

    def calibrate(self) -> None:
        """Does nothing."""

    def configure(self) -> None:
        """Does nothing."""

    def get_action(self) -> dict[str, Any]:
        """Returns the next action, in [-1, 1].

        Raises:
            DeviceNotConnectedError: It, or the robot, is not connected.
            ValueError: The robot takes other actions.
        """
        if not self._is_connected:
            raise DeviceNotConnectedError(f"{self} is not connected; call connect() first")
        robot = connected_robot()
        actions = robot.plan.actions
        if actions.names != self._names or robot.plan.task.name != self._task.name:
            raise ValueError(
                f"the expert of {self._task.name} gives {', '.join(self._names)}, but the robot does "
                f"{robot.plan.task.name} with {', '.join(actions.names)}; set --robot.task to {self.config.task}, "
                "--robot.action to delta, and --robot.rotation to the same as --teleop.rotation"
            )
        start, now = robot.episode
        if start is not self._episode:
            self._episode = start
            self._expert.reset()
        outcome = self._judge(start, now)
        if robot.is_resting or outcome.success:
            values = actions.hold(now.newest_state)
        else:
            values = self._act(start, now, outcome)
        return dict(zip(self._names, values.tolist(), strict=True))

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """Does nothing."""
        del feedback

    def disconnect(self) -> None:
        """Ends. Raises DeviceNotConnectedError where it has not begun."""
        if not self._is_connected:
            raise DeviceNotConnectedError(f"{self} is not connected")
        self._is_connected = False

    def _judge(self, start: Observation, now: Observation) -> Outcome:
        reward = self._task.rewards.get("sparse")
        if reward is None:
            return Outcome(reward=0.0, terminated=False, success=False)
        return reward(start, now)

    def _act(self, start: Observation, now: Observation, outcome: Outcome) -> FloatArray:
        return np.clip(self._expert.action({}, raw_info(now, outcome, start)), -1.0, 1.0).astype(float)
