"""Plays one task of a pair: an actor with its own learner and spool, or a finished policy that only plays."""

from __future__ import annotations

import logging
from typing import Any, TypeAlias

import gymnasium
import numpy as np

from serl_api.lifetime.stop_signal import StopSignal
from serl_client.errors import PASSING_ERRORS
from serl_rl.actor.joining import JoinedActor
from serl_rl.actor.loop import EpisodeEnd
from serl_rl.algorithms.algorithm import RunnablePolicy
from serl_rl.envs.patience import Patience

log = logging.getLogger(__name__)

_POLL_S = 0.2


class FinishedTaskPlayer:
    """Plays with a policy that does not change any more; records nothing."""

    is_learning = False

    def __init__(
        self, env: gymnasium.Env[Any, Any], policy: RunnablePolicy, stop: StopSignal, seed: int | None = None
    ) -> None:
        self._env = env
        self._policy = policy
        self._stop = stop
        self._rng = np.random.default_rng(seed)
        self._patience = Patience(stop)

    def figures(self) -> str:
        """Says that it only plays."""
        return "plays a finished policy"

    def wait_for_policy(self) -> None:
        """Returns at once: its policy is loaded."""

    def play(self) -> EpisodeEnd:
        """Plays one episode; waits where the arm cannot be driven."""
        begun = self._patience.insist(lambda: self._env.reset(options={"keep_scene": True}))
        if begun is None:
            return EpisodeEnd.OPEN
        observation, info = begun
        if info.get("success", False):
            return EpisodeEnd.DONE_BEFORE
        is_ended = False
        self._policy.begin_episode()
        try:
            while not is_ended and not self._stop.is_set():
                action = self._policy.act(observation, self._rng)
                observation, _, terminated, truncated, info = self._env.step(action)
                is_ended = bool(terminated or truncated)
        except PASSING_ERRORS as error:
            self._patience.note(error)
            return EpisodeEnd.OPEN
        return EpisodeEnd.DONE if info.get("success", False) else EpisodeEnd.OPEN

    def release(self) -> None:
        """Lets go of the arm."""
        self._env.get_wrapper_attr("release")()

    def close(self) -> None:
        """Does nothing."""


class LearningTaskPlayer:
    """Plays for its learner; once that has finished, only so that the other task can go on.

    Args:
        env: The environment.
        joined: Collects its episodes, in kept scenes.
        stop: Ends an episode between two steps.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], joined: JoinedActor, stop: StopSignal) -> None:
        self._env = env
        self._joined = joined
        self._stop = stop
        self._finished: FinishedTaskPlayer | None = None

    @property
    def is_learning(self) -> bool:
        """Returns whether its learner has not finished."""
        return not self._joined.actor.is_over

    def figures(self) -> str:
        """Describes its actor's progress in a few words."""
        return self._joined.actor.figures()

    def wait_for_policy(self) -> None:
        """Waits for the first policy, or until asked to stop.

        Raises:
            LearnerError: The learner refused for good.
        """
        while not self._stop.is_set() and not self._joined.client.receiver.wait(_POLL_S):
            self._joined.client.check()

    def play(self) -> EpisodeEnd:
        """Plays one episode.

        Raises:
            LearnerError: The learner refused for good.
            SpoolFullError: The disk is full; nothing is lost.
        """
        if self._finished is None and not self._joined.actor.is_over:
            return self._joined.actor.play()
        if self._finished is None:
            self._finished = self._finish()
        return self._finished.play()

    def release(self) -> None:
        """Lets go of the arm."""
        self._env.get_wrapper_attr("release")()

    def close(self) -> None:
        """Sends what is left, and ends the connection. Safe to repeat."""
        self._joined.actor.drain()
        self._joined.client.close()
        self._joined.spool.close()

    def _finish(self) -> FinishedTaskPlayer:
        """Leaves the learner, which ends then, with the newest policy."""
        newest = self._joined.client.receiver.take()
        if newest is not None:
            self._joined.policy.load(newest.arrays)
        self.close()
        log.info("%s has finished; it only plays for the other task now", self._joined.client.address)
        return FinishedTaskPlayer(self._env, self._joined.policy, self._stop)


TaskPlayer: TypeAlias = FinishedTaskPlayer | LearningTaskPlayer
"""Plays the episodes of one task of a pair."""
