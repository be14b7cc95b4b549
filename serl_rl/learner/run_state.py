"""Shares phase, counters, live actors and reports between the training loop and the service."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from serl.learner.v1 import learner_service_pb2 as pb

from serl_rl.learner.update_rate_limiter import UpdateRateLimiter

T = TypeVar("T")
Clock = Callable[[], float]

_LIVE_S = 10.0
_RECENT_EPISODES = 20
_KEPT_REPORTS = 4096
# A grant is news only once it has grown by this share of the lead; acknowledgements are always news.
_GRANT_SHARE = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """Holds the answer of a step stream to its actor."""

    acknowledged: int
    """Highest sequence number in the replay."""
    granted: int
    """Highest sequence number that may be sent for now."""
    phase: pb.Phase
    """How training stands."""
    env_steps: int
    """Environment steps of all actors in the replay."""


class NewestReports(Generic[T]):
    """Remembers the newest reports, so that one that is sent again is known, and no peer makes the memory grow."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, int], T] = {}

    def get(self, key: tuple[str, int]) -> T | None:
        """Returns a report by actor and number; None where it is unknown or long gone."""
        return self._reports.get(key)

    def put(self, key: tuple[str, int], report: T) -> None:
        """Remembers a report, and forgets the oldest where there are too many."""
        self._reports.pop(key, None)
        self._reports[key] = report
        if len(self._reports) > _KEPT_REPORTS:
            del self._reports[next(iter(self._reports))]


class RunState:
    """Guards counters and reports with one lock and one condition. Safe from any thread.

    Args:
        run_id: Identifier of the training run.
        rate_limiter: Ties updates to environment steps.
        clock: Monotonic time in s.
    """

    def __init__(self, run_id: str, rate_limiter: UpdateRateLimiter, clock: Clock = time.monotonic) -> None:
        self.run_id = run_id
        self.rate_limiter = rate_limiter
        self.changed = threading.Condition()
        self._clock = clock
        self._start = clock()
        self.phase: pb.Phase = pb.PHASE_WARM_UP
        self.env_steps = 0
        self.critic_updates = 0
        self.episode_count = 0
        self.recent: deque[pb.EpisodeSummary] = deque(maxlen=_RECENT_EPISODES)
        """The latest training episodes."""
        self.last_evaluation: pb.EvaluationSummary | None = None
        self._reported_episodes = NewestReports[bool]()
        self._reported_evaluations = NewestReports[pb.EvaluationSummary]()
        self._new_evaluations: list[pb.EvaluationSummary] = []
        self._heard: dict[str, float] = {}
        self.is_closed = False
        """Whether the learner is leaving."""

    @property
    def elapsed_s(self) -> float:
        """Returns the seconds since the learner began to accept actors."""
        return self._clock() - self._start

    def heard_of(self, actor_id: str) -> None:
        """Notes that an actor is alive."""
        self._heard[actor_id] = self._clock()

    def forget(self, actor_id: str) -> None:
        """Notes that an actor's stream has ended."""
        with self.changed:
            self._heard.pop(actor_id, None)
            self.changed.notify_all()

    def live_actors(self) -> int:
        """Counts the actors heard of within the last ten seconds."""
        now = self._clock()
        return sum(now - heard <= _LIVE_S for heard in list(self._heard.values()))

    def set_env_steps(self, count: int) -> None:
        """Notes the number of environment steps in the replay."""
        with self.changed:
            self.env_steps = max(self.env_steps, count)
            self.changed.notify_all()

    def set_updates(self, critic_updates: int) -> None:
        """Notes the number of critic updates done."""
        with self.changed:
            self.critic_updates = critic_updates
            self.changed.notify_all()

    def set_phase(self, phase: pb.Phase) -> None:
        """Changes how training stands; a finished run stays finished."""
        with self.changed:
            if self.phase != pb.PHASE_FINISHED:
                self.phase = phase
            self.changed.notify_all()

    def close(self) -> None:
        """Wakes and ends everybody who waits."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def granted_sequence(self, acknowledged: int) -> int:
        """Returns the highest sequence number that an actor may send: its share of the steps that are left to grant.

        Args:
            acknowledged: Highest sequence number of the actor in the replay.
        """
        left = self.rate_limiter.granted_steps(self.critic_updates) - self.env_steps
        if left <= 0:
            return acknowledged
        return acknowledged + max(1, left // max(self.live_actors(), 1))

    def answer(self, acknowledged: int, env_steps: int) -> Answer:
        """Returns the present answer to an actor.

        Args:
            acknowledged: Highest sequence number of the actor in the replay.
            env_steps: Environment steps in the replay, counted after that: with an older count, rows that were just
                acknowledged would be granted once more.
        """
        with self.changed:
            self.env_steps = max(self.env_steps, env_steps)
        return Answer(acknowledged, self.granted_sequence(acknowledged), self.phase, self.env_steps)

    def is_news(self, before: Answer | None, now: Answer) -> bool:
        """Returns whether an answer differs enough from the last to be sent."""
        if before is None or before.phase != now.phase or before.acknowledged != now.acknowledged:
            return True
        step = max(1, self.rate_limiter.lead_steps // _GRANT_SHARE)
        return now.granted - before.granted >= step or (before.granted <= now.acknowledged < now.granted)

    def record_episode(self, actor_id: str, episode: pb.EpisodeSummary) -> bool:
        """Records a training episode once.

        Returns:
            Whether it was new.
        """
        with self.changed:
            key = (actor_id, episode.episode_id)
            if self._reported_episodes.get(key):
                return False
            self._reported_episodes.put(key, True)  # noqa: FBT003
            self.recent.append(episode)
            self.episode_count += 1
            return True

    def record_evaluation(self, actor_id: str, evaluation: pb.EvaluationSummary) -> bool:
        """Records an evaluation once.

        Returns:
            Whether it was new.
        """
        with self.changed:
            key = (actor_id, evaluation.policy_version)
            if self._reported_evaluations.get(key) == evaluation:
                return False
            self._reported_evaluations.put(key, evaluation)
            self._new_evaluations = [*self._new_evaluations[1 - _KEPT_REPORTS :], evaluation]
            self.last_evaluation = evaluation
            self.changed.notify_all()
            return True

    def take_evaluations(self) -> list[pb.EvaluationSummary]:
        """Takes the evaluations that came since the last call."""
        with self.changed:
            taken, self._new_evaluations = self._new_evaluations, []
            return taken
