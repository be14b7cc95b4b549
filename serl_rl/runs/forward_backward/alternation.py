"""Alternates two tasks at one arm: each episode belongs to one, and its success makes the other one active."""

from __future__ import annotations

from collections.abc import Mapping

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.actor.loop import EpisodeEnd
from serl_rl.errors import UsageError
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction
from serl_rl.runs.forward_backward.task_player import TaskPlayer

_OTHER: Mapping[Direction, Direction] = {"forward": "backward", "backward": "forward"}


class Alternation:
    """Alternates two task players at one arm, as SERL does in bin relocation: a task goes on until it succeeds.

    A task that is done before it begins, because an evaluation or a bump moved things, makes the other active too.

    Args:
        players: The player of each task.
        stop: Ends it between two steps.
    """

    def __init__(self, players: Mapping[Direction, TaskPlayer], stop: StopSignal) -> None:
        self._players = players
        self._stop = stop
        self.active: Direction = "forward"
        """Which task has the arm."""
        self._done_before = 0

    def run(self) -> None:
        """Plays until both learners have finished, or somebody asks to stop; sends what is left.

        Raises:
            UsageError: Both tasks are done at once, so that neither sets the scene of the other.
            LearnerError: A learner refused for good.
            SpoolFullError: The disk is full; nothing is lost.
        """
        for direction in DIRECTIONS:
            self._players[direction].wait_for_policy()
        while not self._stop.is_set() and any(player.is_learning for player in self._players.values()):
            self.take()
        for direction in DIRECTIONS:
            self._players[direction].close()

    def take(self) -> None:
        """Plays one episode, and makes the other task active if it succeeded.

        Raises:
            UsageError: Both tasks are done at once.
        """
        player = self._players[self.active]
        end = player.play()
        if end is EpisodeEnd.OPEN:
            self._done_before = 0
            return
        self._done_before = self._done_before + 1 if end is EpisodeEnd.DONE_BEFORE else 0
        if self._done_before == len(self._players):
            raise UsageError("both tasks are done at once, so neither sets the scene of the other; set it by hand")
        player.release()
        self.active = _OTHER[self.active]
