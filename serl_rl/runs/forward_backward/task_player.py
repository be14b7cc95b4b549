"""One direction of a pair: an actor with its own learner and spool, or a policy that is finished and only plays."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import gymnasium
import numpy as np

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.loop import Actor, EpisodeEnd
from serl_rl.actor.spool import Spool
from serl_rl.algorithms.algorithm import RunnablePolicy

log = logging.getLogger(__name__)

_POLL_S = 0.2


class TaskPlayer(Protocol):
    """What takes turns."""

    @property
    def is_learning(self) -> bool:
        """Whether its episodes are still wanted by a learner."""
        ...

    def figures(self) -> str:
        """How it goes, in a few words."""
        ...

    def wait_for_policy(self) -> None:
        """Waits until it can play."""
        ...

    def play(self) -> EpisodeEnd:
        """Plays one episode from the scene as it is."""
        ...

    def release(self) -> None:
        """Lets go of the arm."""
        ...

    def close(self) -> None:
        """Sends what is left and ends the connection."""
        ...


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

    def figures(self) -> str:
        """It only plays."""
        return "plays a finished policy"

    def wait_for_policy(self) -> None:
        """Nothing to wait for."""

    def play(self) -> EpisodeEnd:
        """Plays one episode."""
        observation, info = self._env.reset(options={"keep_scene": True})
        if info.get("success", False):
            return EpisodeEnd.DONE_BEFORE
        is_ended = False
        self._policy.begin_episode()
        while not is_ended and not self._stop.is_set():
            action = self._policy.act(observation, self._rng)
            observation, _, terminated, truncated, info = self._env.step(action)
            is_ended = bool(terminated or truncated)
        return EpisodeEnd.DONE if info.get("success", False) else EpisodeEnd.OPEN

    def release(self) -> None:
        """Lets go of the arm."""
        self._env.get_wrapper_attr("release")()

    def close(self) -> None:
        """Nothing is left."""


class LearningTaskPlayer:
    """Plays for its learner; once that has finished, only so that the other half can go on.

    Args:
        env: The environment.
        actor: Collects its episodes, in kept scenes.
        link: Connection to its learner, started.
        spool: Where its rows wait.
        policy: Inference, which the actor fills.
        stop: Ends an episode between two steps.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        actor: Actor,
        link: LearnerClient,
        spool: Spool,
        policy: RunnablePolicy,
        stop: StopSignal,
    ) -> None:
        self._env = env
        self._actor = actor
        self._link = link
        self._spool = spool
        self._policy = policy
        self._stop = stop
        self._finished: FinishedTaskPlayer | None = None

    @property
    def is_learning(self) -> bool:
        """Whether its learner has not finished."""
        return not self._actor.is_over

    def figures(self) -> str:
        """How its actor goes."""
        return self._actor.figures()

    def wait_for_policy(self) -> None:
        """Waits for the first policy, or until asked to stop.

        Raises:
            LearnerError: The learner refused for good.
        """
        while not self._stop.is_set() and not self._link.receiver.wait(_POLL_S):
            self._link.check()

    def play(self) -> EpisodeEnd:
        """Plays one episode.

        Raises:
            LearnerError: The learner refused for good.
            SpoolFullError: The disk is full; nothing is lost.
        """
        if self._finished is None and not self._actor.is_over:
            return self._actor.play()
        if self._finished is None:
            self._finished = self._finish()
        return self._finished.play()

    def release(self) -> None:
        """Lets go of the arm."""
        self._env.get_wrapper_attr("release")()

    def close(self) -> None:
        """Sends what is left, and ends the connection. Safe to repeat."""
        self._actor.drain()
        self._link.close()
        self._spool.close()

    def _finish(self) -> FinishedTaskPlayer:
        """Leaves the learner, which ends then, with the newest policy."""
        newest = self._link.receiver.take()
        if newest is not None:
            self._policy.load(newest.arrays)
        self.close()
        log.info("%s has finished; it only plays for the other half now", self._link.address)
        return FinishedTaskPlayer(self._env, self._policy, self._stop)
