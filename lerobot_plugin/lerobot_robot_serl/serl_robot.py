"""Implements LeRobot's robot over a control session of any daemon."""

from __future__ import annotations

import weakref
from functools import cached_property
from typing import Any

import numpy as np
from lerobot.robots import Robot
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from lerobot_robot_serl.actions import Command, has_all
from lerobot_robot_serl.cell_plan import CellPlan, plan_cell
from lerobot_robot_serl.configs import SerlRobotConfig
from lerobot_robot_serl.episode_clock import EpisodeClock
from serl_api.cell import CameraInfo, CellInfo
from serl_api.enums import Pacing
from serl_api.security import read_token
from serl_api.values import Observation, RobotState, StepResult
from serl_client.connection.client_name import default_client_name
from serl_client.envs.env_link import EnvLink
from serl_client.envs.episode_start import EpisodeStart
from serl_client.robot import RobotClient
from serl_client.session import ControlSession

_CONNECTED: weakref.WeakSet[SerlRobot] = weakref.WeakSet()
_HOLD = Command(None, None)


def connected_robot() -> SerlRobot:
    """Returns the robot of this process that is connected: LeRobot gives a teleoperator none.

    Raises:
        DeviceNotConnectedError: There is none, or more than one.
    """
    robots = list(_CONNECTED)
    if len(robots) != 1:
        raise DeviceNotConnectedError(
            f"{len(robots)} robots of type serl are connected in this process; this teleoperator needs exactly one"
        )
    return robots[0]


class SerlRobot(Robot):
    """Drives an arm and its gripper, and observes them with the cell's cameras.

    In lockstep `send_action` lets one period pass, 1 / `fps`, and `get_observation` returns what was there at its end.
    In real time LeRobot's loop keeps the rate: both return within milliseconds, and each observation is fresh. A daemon
    holds the arm when no target comes for its `command_timeout`, and as soon as this process ends, however it does.

    For one thread at a time. What the daemon refuses raises a `RobotError`; the arm then holds.

    Args:
        config: Address, task, kind of action.
    """

    config_class = SerlRobotConfig
    name = "serl"

    def __init__(self, config: SerlRobotConfig) -> None:
        super().__init__(config)
        self.config = config
        self._link: EnvLink | None = None
        self._clock = EpisodeClock(config.episode_time_s, config.reset_time_s)
        self._scenes = np.random.default_rng(config.seed)
        self._start: Observation | None = None
        self._now: Observation | None = None

    @property
    def observation_features(self) -> dict[str, Any]:
        """Names what is observed: `float`, or (height, width, 3). Asks the daemon the first time."""
        return self.plan.observer.features

    @property
    def action_features(self) -> dict[str, Any]:
        """Names the numbers of an action. Asks the daemon the first time."""
        return dict.fromkeys(self.plan.actions.names, float)

    @property
    def cameras(self) -> dict[str, CameraInfo]:
        """The cameras that are observed, by name; LeRobot counts them."""
        return {name: self._cell.cameras[name] for name in self.plan.task.cameras}

    @cached_property
    def plan(self) -> CellPlan:
        """What is observed and commanded, from the facts of the cell."""
        return plan_cell(self.config, self._cell)

    @property
    def is_connected(self) -> bool:
        """Whether `connect` was called, and `disconnect` not yet."""
        return self._link is not None

    @property
    def is_calibrated(self) -> bool:
        """True: what a cell needs of calibration is in its own configuration."""
        return True

    @property
    def is_resting(self) -> bool:
        """Whether it is the time between two episodes, in which the arm holds whatever is sent."""
        return self._clock.is_resting

    @property
    def episode(self) -> tuple[Observation, Observation]:
        """First and newest snapshot of the episode.

        Raises:
            DeviceNotConnectedError: Nothing was observed yet.
        """
        if self._start is None or self._now is None:
            raise DeviceNotConnectedError(f"{self} has observed nothing yet; call connect() and get_observation()")
        return self._start, self._now

    def calibrate(self) -> None:
        """Does nothing."""

    def configure(self) -> None:
        """Does nothing: compliance is the task's."""

    def connect(self, calibrate: bool = True) -> None:  # noqa: FBT001, FBT002 - LeRobot's signature.
        """Claims the arm. It moves only where there are episodes to begin.

        Raises:
            DeviceAlreadyConnectedError: It is connected.
            RobotError: No daemon answers, or it refuses the session: another client holds the arm, or it is faulted.
        """
        del calibrate
        if self._link is not None:
            raise DeviceAlreadyConnectedError(f"{self} is connected already; disconnect it first")
        plan = self.plan
        link = EnvLink(plan.task, **self._credentials(), client_name=f"lerobot {default_client_name()}")
        starts = EpisodeStart(plan.task, link, self._is_done)
        try:
            opening = link.open_session().opening_observation
            self._begin_at(self._next_start(starts) if self.config.episode_time_s else opening)
        except BaseException:
            link.close()
            raise
        self._link, self._starts = link, starts
        self._is_stale = not self.config.episode_time_s
        _CONNECTED.add(self)

    def get_observation(self) -> dict[str, Any]:
        """Observes the cell; brings the arm to its start first where an episode begins.

        Raises:
            DeviceNotConnectedError: It is not connected, or the session has ended.
            RobotError: The daemon refused, or a sensor stays silent.
        """
        self._open_session()
        if self._clock.brings_to_start():
            self._begin_at(self._next_start(self._starts))
            self._is_stale = False
        elif self._is_stale:
            self._now = self._step(_HOLD, self._shortest_s).observation
            self._is_stale = not self._is_lockstep
        assert self._now is not None
        return self.plan.observer.encode(self._now)

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Sends an action, and returns what was applied of it: clipped by the task's box and the daemon's limits.

        Raises:
            ValueError: The action lacks a number or has one that is not finite; nothing was sent.
            DeviceNotConnectedError: It is not connected, or the session has ended.
            RobotError: The daemon refused; the arm holds.
        """
        actions, joint_actions = self.plan.actions, self.plan.joint_actions
        if not has_all(actions.names, action) and has_all(joint_actions.names, action):
            actions = joint_actions
        values = actions.numbers(action)
        newest = self._newest_state()
        if self.is_resting:
            command, values = _HOLD, actions.hold(newest)
        else:
            command = actions.command(values)
        result = self._step(command, 1.0 / self.config.fps if self._is_lockstep else self._shortest_s)
        self._now = result.observation
        self._is_stale = not self._is_lockstep
        sent = actions.sent(values, result, newest.tcp_pose)
        return dict(zip(actions.names, sent.tolist(), strict=True))

    def disconnect(self) -> None:
        """Ends the session: the arm holds, and others may claim it.

        Raises:
            DeviceNotConnectedError: It is not connected.
        """
        if self._link is None:
            raise DeviceNotConnectedError(f"{self} is not connected")
        link, self._link = self._link, None
        _CONNECTED.discard(self)
        link.close()

    @cached_property
    def _cell(self) -> CellInfo:
        with RobotClient(**self._credentials()) as client:
            return client.info

    @property
    def _is_lockstep(self) -> bool:
        return self._cell.pacing is Pacing.LOCKSTEP

    @property
    def _shortest_s(self) -> float:
        return self._cell.limits.min_period_s

    def _credentials(self) -> dict[str, Any]:
        config = self.config
        return {
            "address": config.address,
            "token": None if config.token_file is None else read_token(config.token_file),
            "tls_root": config.tls_root,
            "tls_identity": config.tls_identity,
        }

    def _open_session(self) -> ControlSession:
        if self._link is None:
            raise DeviceNotConnectedError(f"{self} is not connected; call connect() first")
        session = self._link.session
        if session is None or session.is_closed:
            raise DeviceNotConnectedError(
                f"the control session of {self} has ended, and the arm holds; disconnect, see why, and connect again"
            )
        return session

    def _step(self, command: Command, period_s: float) -> StepResult:
        return self._open_session().step(
            command.target,
            period_s=period_s,
            gripper_width=command.gripper_width,
            cameras=self.plan.task.cameras,
        )

    def _newest_state(self) -> RobotState:
        self._open_session()
        assert self._now is not None
        return self._now.newest_state

    def _next_start(self, starts: EpisodeStart) -> Observation:
        observation, _ = starts.begin({}, lambda: int(self._scenes.integers(2**31 - 1)))
        return observation

    def _begin_at(self, observation: Observation) -> None:
        self._start = self._now = observation
        self.plan.observer.begin_episode()
        self.plan.actions.begin_episode(observation)

    def _is_done(self, observation: Observation) -> bool:
        reward = self.plan.task.rewards.get("sparse")
        if reward is None or not set(reward.tracked_objects) <= set(observation.tracked_objects):
            return False
        return reward(observation, observation).success
