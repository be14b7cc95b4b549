"""Begins episodes where a leader arm stands: the follower goes there slowly, or says that it is too far."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium

from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FloatArray
from serl_client.teleop.leader.arm import LeaderArm, LeaderConfig
from serl_client.teleop.leader.following import furthest_joint

_LOOK_S = 0.05
_ALIGNED_RAD = 0.02
_WAYS = 3
"""Ways to a leader that moves on meanwhile; what is left is followed."""


class LeaderStart(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Brings the follower to the leader's posture between `reset` and the first step.

    Args:
        env: A `RobotEnv` that takes joint positions, with what is around it; its reset takes an "approach".
        leader: Who leads.
        config: How far, how fast, and how long a leader that is too far has to come nearer.
        say: Told where the leader has to go, in one line.
        clock: Seconds, monotonic.
        sleep: Lets time pass, s.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        leader: LeaderArm,
        config: LeaderConfig,
        *,
        say: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(env)
        self._leader = leader
        self._config = config
        self._say = say
        self._clock = clock
        self._sleep = sleep

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode at the leader's posture.

        Raises:
            DeviceUnavailableError: It is silent, or stayed too far away.
            LimitExceededError: Its posture is beyond the follower's limits.
            MotionFailedError: The way there was not free.
        """
        ways = 0

        def approach(follower: FloatArray) -> tuple[FloatArray, float] | None:
            nonlocal ways
            self._wait_near(follower)
            goal = self._leader.read().joint_positions
            ways += 1
            is_there = furthest_joint(goal, follower)[1] <= _ALIGNED_RAD
            return None if is_there or ways > _WAYS else (goal, self._config.start_speed)

        return self.env.reset(seed=seed, options=(options or {}) | {"approach": approach})

    def _wait_near(self, follower: FloatArray) -> None:
        end, is_told = self._clock() + self._config.wait_s, False
        while trouble := self._leader.fault or self._distance(follower):
            if self._clock() >= end:
                raise DeviceUnavailableError(f"nobody can follow: {trouble}", device="leader")
            if not is_told:
                self._say(f"waiting for the leader: {trouble}")
                is_told = True
            self._sleep(_LOOK_S)

    def _distance(self, follower: FloatArray) -> str:
        joint, distance = furthest_joint(self._leader.read().joint_positions, follower)
        bound = self._config.start_distance
        if distance <= bound:
            return ""
        return (
            f"joint {joint} of {self._leader.name} is {distance:.2f} rad from the follower's start; bring it within "
            f"{bound:g} rad"
        )
