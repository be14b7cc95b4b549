"""Waits while an arm cannot be driven, says why and what ends that, and tries again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from serl_api.errors.robot import RobotError
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_client.errors import PASSING_ERRORS

log = logging.getLogger(__name__)

RETRY_S = 1.0
WAITING = "waiting for the arm"
"""Name of the phase in which nothing else happens."""

_Result = TypeVar("_Result")


class Patience:
    """Insists on what needs an arm. A silent or restarted daemon, a latched stop and a fault end no run.

    Nothing here recovers or releases anything: where a person is needed, the error says what to do, and this waits.

    Args:
        stop: Ends the waiting.
        progress: Shows it.
        is_over: Asked before each attempt; True ends the waiting too.
        retry_s: Time between two attempts, s.
    """

    def __init__(
        self,
        stop: StopSignal,
        progress: Progress | None = None,
        *,
        is_over: Callable[[], bool] = lambda: False,
        retry_s: float = RETRY_S,
    ) -> None:
        self._stop = stop
        self._progress = progress or Progress(say=log.info)
        self._is_over = is_over
        self._retry_s = retry_s
        self._trouble: RobotError | None = None

    def insist(self, attempt: Callable[[], _Result]) -> _Result | None:
        """Tries until it succeeds.

        Args:
            attempt: Begins anew each time, such as a reset or a whole episode.

        Returns:
            What the attempt returned; None where it was stopped or over before one succeeded.

        Raises:
            RobotError: One that no waiting mends, such as another task in the simulator.
        """
        if self._trouble is None:
            try:
                return attempt()
            except PASSING_ERRORS as error:
                self.note(error)
        with self._progress.phase(WAITING) as phase:
            phase.report(note=lambda: str(self._trouble))
            while not self._stop.is_set() and not self._is_over():
                try:
                    result = attempt()
                except PASSING_ERRORS as error:
                    self.note(error)
                    self._stop.wait(self._retry_s)
                else:
                    self._trouble = None
                    log.info("the arm is driven again")
                    return result
        return None

    def note(self, error: RobotError) -> None:
        """Notes why the arm cannot be driven; the next attempt is a part of the waiting."""
        if str(error) != str(self._trouble):
            log.warning("%s: %s", WAITING, error)
        self._trouble = error
