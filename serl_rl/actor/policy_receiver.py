"""Assembles the newest policy from its pieces; the actor takes it between two steps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import tensor_pb2

from serl_rl.protocol.policy_arrays import Arrays, split_policy


@dataclass(frozen=True)
class ReceivedPolicy:
    """Holds a complete version of the policy."""

    version: int
    """Gradient updates it has seen, plus 1."""
    arrays: Arrays
    """Its arrays by name."""
    env_steps: int
    """Environment steps that the learner had when it made it."""


class PolicyReceiver:
    """Collects pieces into versions; the latest complete one wins. Safe from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._layout: tuple[tensor_pb2.Tensor, ...] = ()
        self._pieces = bytearray()
        self._collecting = 0
        self._newest: ReceivedPolicy | None = None
        self.taken_version = 0
        """Version that the actor uses; 0 before the first."""

    def set_layout(self, layout: Sequence[tensor_pb2.Tensor]) -> None:
        """Sets the names, types and shapes of the policy's arrays.

        Args:
            layout: Arrays without data.
        """
        with self._changed:
            self._layout = tuple(layout)

    def add_piece(self, piece: pb.WatchPolicyResponse) -> None:
        """Adds a piece; one of a newer version replaces what was collected of an older one.

        Args:
            piece: The piece. One that does not continue what was collected is dropped.
        """
        if piece.version != self._collecting:
            if piece.offset != 0:
                return
            self._collecting, self._pieces = piece.version, bytearray()
        if piece.offset != len(self._pieces):
            return
        self._pieces += piece.data
        if len(self._pieces) == piece.total_bytes:
            arrays = split_policy(bytes(self._pieces), self._layout)
            with self._changed:
                # A learner that resumed from a checkpoint may be behind what it published before.
                self._newest = ReceivedPolicy(piece.version, arrays, piece.environment_step_count)
                self._changed.notify_all()

    def take(self) -> ReceivedPolicy | None:
        """Takes the newest version, if it is another one than the last taken."""
        newest = self._newest
        if newest is None or newest.version == self.taken_version:
            return None
        self.taken_version = newest.version
        return newest

    def wait(self, timeout_s: float) -> bool:
        """Waits for the first version.

        Args:
            timeout_s: Longest wait in s.

        Returns:
            Whether there is one.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._newest is not None, timeout_s)
