"""Begins episodes: reconnects, draws a scene or keeps the last one, and brings the arm to its start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from serl_api.enums import Backend
from serl_api.errors.robot import ConnectionLostError, DeadlineError, SessionClosedError
from serl_api.pose_box import PoseBox
from serl_api.values import FloatArray, JointTarget, Observation
from serl_client.envs.env_link import EnvLink
from serl_client.envs.planned_reset import PlannedReset, ResetRequest
from serl_client.envs.task import Task
from serl_client.errors import MotionFailedError

Approach = Callable[[FloatArray], tuple[FloatArray, float] | None]
"""Says where to go from measured joint positions, (n,), rad: joint positions and a share of the top speed, or None."""

log = logging.getLogger(__name__)

_SCENE_ATTEMPTS = 100
# Share of the top speed on the way to the start. Nobody stands beside a simulated arm, but at 1 a compliant one would
# still be a centimetre behind when its way ends.
_SIMULATED_SPEED, _REAL_SPEED = 0.4, 0.5  # Of top speeds: a real cell's are lower.


class EpisodeStart:
    """Begins the episodes of one arm.

    Args:
        task: Where they start.
        link: To the daemon.
        is_done: Says of an observation whether the task is done there.
        stream: Which stream of a scene's seed the start is drawn from.
    """

    def __init__(self, task: Task, link: EnvLink, is_done: Callable[[Observation], bool], stream: int = 1) -> None:
        self._task = task
        self._link = link
        self._is_done = is_done
        self._stream = stream
        self._planned = PlannedReset(task, link)

    def begin(self, options: Mapping[str, Any], draw_seed: Callable[[], int]) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode.

        Args:
            options: "scene_seed", "keep_scene" and "approach", see `RobotEnv.reset`.
            draw_seed: Draws the seeds of scenes and starts.

        Returns:
            First observation, and "scene_seed" where a scene was drawn.
        """
        observation, about = self._begin(options, draw_seed)
        approach = options.get("approach")
        return observation if approach is None else self._approached(observation, approach), about

    def _approached(self, observation: Observation, approach: Approach) -> Observation:
        """Goes where it is asked to, step by step; returns the observation there."""
        session, period_s = self._link.open_session(), 1.0 / self._task.control_rate_hz
        while (found := approach(observation.state.joint_positions)) is not None:
            positions, speed_ratio = found
            goal = JointTarget(positions=positions)
            session.move(goal, speed_ratio)
            observation = session.step(goal, period_s=period_s, cameras=self._task.cameras).observation
        return observation

    def _begin(self, options: Mapping[str, Any], draw_seed: Callable[[], int]) -> tuple[Observation, dict[str, Any]]:
        scene_seed = draw_seed()
        if options.get("keep_scene", False):
            observation = self._keep_scene(scene_seed)
            if observation is not None:
                return observation, {}
        if "scene_seed" in options:
            scene_seed = int(options["scene_seed"])
            return self._reset(scene_seed), {"scene_seed": scene_seed}
        observation = self._reset(scene_seed)
        for _ in range(_SCENE_ATTEMPTS if self._is_simulated else 0):
            if not self._is_done(observation):
                break
            scene_seed = draw_seed()
            observation = self._reset(scene_seed)
        return observation, {"scene_seed": scene_seed}

    @property
    def _is_simulated(self) -> bool:
        return self._link.client.info.backend is Backend.SIMULATED

    def _keep_scene(self, seed: int) -> Observation | None:
        """Moves the arm alone; None where a simulator must draw another scene."""
        reach = self._task.reach
        try:
            observation = self._reset(seed, keep_scene=True)
        except MotionFailedError as error:
            if not self._is_simulated:
                raise
            log.warning("the scene is drawn anew: %s", error)
            return None
        lost = reach.lost(observation) if reach is not None else ()
        if not lost:
            return observation
        if self._is_simulated:
            log.warning("%s out of reach; the scene is drawn anew", " and ".join(lost))
            return None
        log.warning("put %s back %s", " and ".join(lost), reach)
        return observation

    def _reset(self, seed: int, *, keep_scene: bool = False) -> Observation:
        try:
            return self._ask_reset(seed, keep_scene=keep_scene)
        except (ConnectionLostError, SessionClosedError, DeadlineError):
            if self._link.session is None:  # No daemon answered.
                raise
            self._link.drop_session()  # It was lost since the last episode; another may begin.
        return self._ask_reset(seed, keep_scene=keep_scene)

    def _ask_reset(self, seed: int, *, keep_scene: bool) -> Observation:
        """Lets a simulator place the arm where it may; elsewhere the arm moves as the task plans."""
        start = self._task.start
        session = self._link.open_session()
        has_gripper = self._link.client.info.gripper is not None
        request = ResetRequest(
            start=start.draw(np.random.default_rng([seed, self._stream])) if isinstance(start, PoseBox) else start,
            gripper_width=self._task.start_gripper_width if has_gripper else None,
            speed_ratio=_SIMULATED_SPEED if self._is_simulated else _REAL_SPEED,
            cameras=self._task.cameras,
            seed=seed,
            keep_scene=keep_scene,
        )
        return request.send(session) if self._is_simulated and not keep_scene else self._planned.run(session, request)
