"""Converts messages of the arm to states, and their time to the machine's clock.

libfranka counts wrenches and torques as positive that the robot exerts on its surroundings; the daemon, those that the
surroundings exert on the robot. The stiffness frame, at which libfranka estimates the wrench, is put at the TCP when
the driver connects.

A message can arrive late, never early: the smallest difference between arrival and message time is the offset between
the clocks, up to the shortest delay of the network (about 0.2 ms).
"""

from dataclasses import dataclass

import franky
import numpy as np

from robot_daemon.hardware.devices import ArmSample
from serl_api.values import Pose

WINDOW_NS = 1_000_000_000
"""The smallest difference of the present and the last window counts, so that drift is followed."""
LARGEST_JUMP_NS = 50_000_000
"""A difference that stays this far above the smallest one is a clock that was set, not a delay."""
JUMP_SAMPLES = 20
"""Messages in a row that have to agree before the clock counts as set."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Holds one message of the arm."""

    time_ns: int
    """When the arm sent it, on the cell's clock."""
    arrival_ns: int
    """When it was first seen."""
    state: franky.RobotState
    model: franky.Model
    """The model of the arm that sent it."""


def arm_state(sample: Sample) -> ArmSample:
    """Converts a message to a state."""
    state = sample.state
    velocities = state.dq
    jacobian = sample.model.zero_jacobian(franky.Frame.EndEffector, state)
    pose = state.O_T_EE
    is_moving = state.robot_mode == franky.RobotMode.Move  # Else the arm says 0.
    return ArmSample(
        time_ns=sample.time_ns,
        joint_positions=state.q,
        joint_velocities=velocities,
        joint_torques=state.tau_J,
        external_joint_torques=0.0 - state.tau_ext_hat_filtered,
        tcp_pose=Pose(pose.translation, _unit(pose.quaternion)),
        tcp_twist=jacobian @ velocities,
        external_wrench=0.0 - state.O_F_ext_hat_K,
        jacobian=jacobian,
        command_success_rate=state.control_command_success_rate if is_moving else None,
    )


def _unit(quaternion: np.ndarray) -> np.ndarray:
    return quaternion / np.sqrt(quaternion @ quaternion)


class MessageClock:
    """Estimates the offset between the arm's clock and the machine's. For one thread."""

    def __init__(self) -> None:
        self._lowest: int | None = None
        self._window: int | None = None
        self._before: int | None = None
        self._window_end_ns = 0
        self._last_ns = -1
        self._outliers = 0

    def arrived(self, message_ns: int, arrival_ns: int) -> int:
        """Returns when a message was sent, on the machine's clock, never after it arrived.

        Args:
            message_ns: Time in the message, ns.
            arrival_ns: When it was first seen, ns of the machine's clock.
        """
        difference = arrival_ns - message_ns
        lowest = self._lowest
        if lowest is None or message_ns < self._last_ns or self._has_jumped(difference - lowest):
            self._restart(difference, message_ns)
        self._last_ns = message_ns
        if message_ns >= self._window_end_ns:
            self._before, self._window = self._window, difference
            self._window_end_ns = message_ns + WINDOW_NS
        if self._window is None or difference < self._window:
            self._window = difference
        self._lowest = lowest = self._window if self._before is None else min(self._window, self._before)
        return message_ns + lowest

    def _has_jumped(self, excess_ns: int) -> bool:
        self._outliers = self._outliers + 1 if excess_ns > LARGEST_JUMP_NS else 0
        return self._outliers >= JUMP_SAMPLES

    def _restart(self, difference: int, message_ns: int) -> None:
        self._before, self._window = None, difference
        self._window_end_ns = message_ns + WINDOW_NS
        self._outliers = 0
