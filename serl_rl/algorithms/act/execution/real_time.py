"""Computes the next chunk in the background while the last one is executed, and joins the two without a jump."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serl_rl.algorithms.act.execution.executor import Chunk, Observation, Predict


@dataclass(eq=False)
class _Pending:
    """Holds a chunk that is being computed."""

    future: Future[Chunk]
    deadline: float
    """When it is needed, if steps last as long as in real time."""
    age: int = 0
    """Steps since its observation."""


@dataclass(frozen=True, eq=False)
class _Old:
    """Holds the chunk before, whose remaining actions fade out."""

    chunk: Chunk
    offset: int
    """Its place minus that of the new one."""


class RealTimeChunks:
    """Executes one chunk without pause behind the other.

    A few steps before a chunk's end the next one is begun from what is seen then. Until it takes over, the old chunk's
    actions are executed as they were; the new one enters at the step that has come by then, as it has predicted those
    that were committed, too. Where the old one reaches further, it fades out over a few steps: what is executed lies
    between the two, so within the bounds that both keep.

    A network that needs longer than the committed steps is not waited for: the old chunk goes on while it lasts. Only
    past its end the arm waits, where it is. The time allowed for a network is counted in the steps' own time: a
    simulator that runs faster than that waits for it, and so does the same in each run.

    Args:
        predict: Predicts chunks; called in another thread.
        steps: Place in a chunk at which the next one takes over, which enters at its own place `committed`.
        committed: Steps before that at which the next one is begun; below `steps`.
        blended: Steps over which the old one fades out.
        step_s: Time of a step, s.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        predict: Predict,
        *,
        steps: int,
        committed: int,
        blended: int,
        step_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._predict = predict
        self._steps = steps
        self._committed = committed
        self._blended = blended
        self._step_s = step_s
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, "chunks")
        self._chunk: Chunk | None = None
        self._place = 0
        self._pending: _Pending | None = None
        self._old: _Old | None = None
        self._entered = 0

    def begin_episode(self) -> None:
        """Forgets the chunks of the last episode; one that is being computed is waited for and thrown away."""
        if self._pending is not None:
            concurrent.futures.wait([self._pending.future])
        self._chunk = self._pending = self._old = None

    def action(self, observation: Observation) -> npt.NDArray[np.float32]:
        """Returns the action of this step."""
        if self._chunk is None:
            self._chunk, self._place, self._entered = self._predict(observation), 0, 0
        if self._pending is not None and self._pending.age >= self._committed:
            self._enter_next(self._pending)
        if self._pending is None and self._place >= self._steps - self._committed:
            self._begin_next(observation)
        chosen = self._blend(self._chunk)
        self._place += 1
        if self._pending is not None:
            self._pending.age += 1
        return chosen

    def _begin_next(self, observation: Observation) -> None:
        deadline = self._clock() + self._committed * self._step_s
        self._pending = _Pending(self._pool.submit(self._predict, observation), deadline)

    def _enter_next(self, pending: _Pending) -> None:
        """Puts the next chunk in the place of the old one, if it is there."""
        assert self._chunk is not None
        is_exhausted = self._place >= len(self._chunk)
        patience = None if is_exhausted else max(0.0, pending.deadline - self._clock())
        try:
            following = pending.future.result(patience)
        except TimeoutError:
            return
        self._old = _Old(self._chunk, self._place - pending.age)
        self._chunk, self._place, self._pending = following, pending.age, None
        self._entered = self._place

    def _blend(self, chunk: Chunk) -> npt.NDArray[np.float32]:
        action, old = chunk[self._place].copy(), self._old
        since = self._place - self._entered
        if old is None or since >= self._blended or self._place + old.offset >= len(old.chunk):
            return action
        share = np.float32((since + 1) / (self._blended + 1))
        return (1 - share) * old.chunk[self._place + old.offset] + share * action
