"""Reads the posture of a leader arm from its daemon, in the background, and never commands it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from serl_api.enums import ArmMode, Pacing
from serl_api.errors.robot import RobotError
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.security import read_token
from serl_api.settings import POSITIVE, Bound, check_fields
from serl_api.values import FloatArray, RobotState
from serl_client.errors import TaskMismatchError
from serl_client.robot import RobotClient

log = logging.getLogger(__name__)

_RATE_HZ = 100.0
_RETRY_S = 0.2


@dataclass(frozen=True, kw_only=True)
class LeaderConfig:
    """Says which arm leads, and how far apart the two may be."""

    address: str = ""
    """Address of the leader's daemon: a real arm that a hand guides, a virtual or a simulated one."""
    tls_root: Path | None = None
    """PEM file with the certificate that signed its daemon's; none for a plain connection."""
    token_file: Path | None = None
    """File whose first line is its daemon's bearer token; one that may observe is enough."""
    silence_s: Annotated[float, POSITIVE] = 0.3
    """Time without a word of the leader after which the follower holds, s."""
    start_distance: Annotated[float, POSITIVE] = 0.8
    """Largest distance of a joint at the start over which the follower goes to the leader, rad."""
    start_speed: Annotated[float, Bound(0, 1, open_lower=True)] = 0.1
    """Speed on that way, as a fraction of the follower's top speed, in (0, 1]."""
    wait_s: Annotated[float, Bound(0, 3600)] = 60.0
    """Time that a leader beyond the start distance has to come nearer, s."""
    jump: Annotated[float, POSITIVE] = 0.3
    """Distance of a joint from the last target beyond which the follower holds instead of following, rad."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Posture:
    """Holds what a leader shows."""

    joint_positions: FloatArray
    """Shape (n,), rad."""
    opening: float | None
    """Opening of its gripper, as a share of its widest, in [0, 1]; None without one."""


class LeaderArm(ClosedOnExit):
    """Reads a leader's newest posture; `read` never waits. A context manager.

    Args:
        config: Which arm.
        joint_count: Of the follower.
        follower_boot_id: Of the follower's daemon, which cannot lead itself.
        clock: Seconds, monotonic.

    Raises:
        TaskMismatchError: It has another number of joints, or is the follower.
        ConnectionLostError: No daemon answers there.
        ConfigError: The token file cannot be read.
    """

    def __init__(
        self,
        config: LeaderConfig,
        joint_count: int,
        *,
        follower_boot_id: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        token = None if config.token_file is None else read_token(config.token_file)
        self._config = config
        self._clock = clock
        self._client = RobotClient(config.address, token=token, tls_root=config.tls_root)
        self._is_closing = threading.Event()
        self._newest: tuple[RobotState, float] | None = None
        try:
            self._check(joint_count, follower_boot_id)
            self._keep(self._client.get_state())
        except BaseException:
            self._client.close()
            raise
        self._thread = threading.Thread(target=self._follow_states, name="leader", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Returns its name for messages."""
        return f"the leader at {self._config.address}"

    @property
    def fault(self) -> str:
        """Explains in one sentence why nobody can follow it now; empty while one can."""
        assert self._newest is not None
        state, moved_on = self._newest
        if state.mode is ArmMode.DISCONNECTED:
            return f"{self.name} has lost its arm; see its daemon's log"
        silence_s = self._clock() - moved_on
        if silence_s > self._config.silence_s:
            return f"{self.name} has said nothing for {silence_s:.1f} s, of at most {self._config.silence_s:g} s"
        return ""

    def read(self) -> Posture:
        """Returns the newest posture, which is an old one while there is a fault."""
        assert self._newest is not None
        state, _ = self._newest
        return Posture(joint_positions=state.joint_positions, opening=self._opening(state))

    def close(self) -> None:
        """Closes the connection. Safe to repeat."""
        self._is_closing.set()
        self._client.close()
        self._thread.join()

    def _check(self, joint_count: int, follower_boot_id: str) -> None:
        info = self._client.info
        if info.arm.joint_count != joint_count:
            raise TaskMismatchError(
                f"{self.name} ({info.arm.model}) has {info.arm.joint_count} joints, but the follower has "
                f"{joint_count}; take a leader with as many"
            )
        if follower_boot_id and info.boot_id == follower_boot_id:
            raise TaskMismatchError(f"{self.name} is the follower itself; give the address of another arm's daemon")

    def _follow_states(self) -> None:
        while not self._is_closing.is_set():
            try:
                for state in self._client.stream_states(_RATE_HZ):
                    self._keep(state)
                    if self._is_closing.is_set():
                        return
            except RobotError as error:
                log.debug("%s: %s", self.name, error)
            self._is_closing.wait(_RETRY_S)

    def _keep(self, state: RobotState) -> None:
        """Keeps a state. One of a daemon in real time whose stamp stands still is no sign of life."""
        kept = self._newest
        is_stale = (
            self._client.info.pacing is Pacing.REAL_TIME
            and kept is not None
            and kept[0].monotonic_time_ns == state.monotonic_time_ns
        )
        self._newest = (state, kept[1] if kept is not None and is_stale else self._clock())

    def _opening(self, state: RobotState) -> float | None:
        gripper = self._client.info.gripper
        if gripper is None or state.gripper is None or gripper.max_width <= 0.0:
            return None
        return min(max(state.gripper.width / gripper.max_width, 0.0), 1.0)
