"""A motion between its Move command and its end: what the client streams, and what is wrong with it."""

from typing import Protocol

import numpy as np

from robot_daemon.devices import FloatArray
from simulator.virtual.fci.joint_control import Reference
from simulator.virtual.fci.plant import PERIOD_S
from simulator.virtual.fci.protocol import Controller, Fault, Generator, MoveRequest
from simulator.virtual.fci.reflexes import JointLimits

START_TOLERANCE = 0.02
"""Distance of the first commanded joint position from the desired one, rad. The real one is not published."""
RATE_TOLERANCE = 1.05
"""Commanded speeds may exceed the limit by this factor."""


class Follower(Protocol):
    """Turns what a motion generator streams into a reference."""

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """Takes a command that came `cycles` ms after the one before; a fault ends the motion."""
        ...


class Motion:
    """Bookkeeping of one motion.

    Args:
        command_id: Of the Move that asked for it; its end is answered to this id.
        request: What was asked for.
        follower: Of the generator; None where the client commands torques alone.
        first_id: Number of the first state that announces the motion.
    """

    def __init__(self, command_id: int, request: MoveRequest, follower: Follower | None, first_id: int) -> None:
        self.command_id = command_id
        self.controller = request.controller
        self.generator = request.generator
        self._follower = follower
        self._last_id = first_id
        self.has_started = False
        """Whether a command has come."""

    @property
    def takes_torques(self) -> bool:
        """Whether the client computes the torques."""
        return self.controller is Controller.EXTERNAL

    @property
    def follower(self) -> Follower | None:
        """Of the motion generator."""
        return self._follower

    def follow(self, command: np.void, message_id: int) -> Fault | None:
        """Takes a new command into the reference."""
        cycles = max(1, message_id - self._last_id) if self.has_started else 1
        self._last_id = message_id
        self.has_started = True
        return None if self._follower is None else self._follower.follow(command, cycles)

    def is_finished(self, command: np.void) -> bool:
        """Whether the client says that this was the last command."""
        if self.takes_torques:
            return bool(command["torque_command_finished"])
        return bool(command["motion_generation_finished"])


class JointPositionFollower:
    """Follows streamed joint positions."""

    def __init__(self, reference: Reference, limits: JointLimits) -> None:
        self._reference = reference
        self._limits = limits
        self._last: FloatArray | None = None

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        wanted = np.array(command["q_c"])
        if self._last is None:
            self._last = self._reference.positions.copy()
            if not np.isfinite(wanted).all() or np.abs(wanted - self._last).max() > START_TOLERANCE:
                return Fault.JOINT_POSITION_MOTION_GENERATOR_START_POSE_INVALID
        velocities = (wanted - self._last) / (cycles * PERIOD_S)
        fault = check_generated(wanted, velocities, self._limits)
        if fault is None:
            self._reference.move_to(wanted, velocities)
            self._last = wanted
        return fault


class JointVelocityFollower:
    """Follows streamed joint velocities."""

    def __init__(self, reference: Reference, limits: JointLimits) -> None:
        self._reference = reference
        self._limits = limits

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        velocities = np.array(command["dq_c"])
        positions = self._reference.positions + velocities * PERIOD_S
        fault = check_generated(positions, velocities, self._limits)
        if fault is None:
            self._reference.move_to(positions, velocities)
        return fault


def check_generated(positions: FloatArray, velocities: FloatArray, limits: JointLimits) -> Fault | None:
    """Commanded joints against the limits of motion generators. Shapes (7,), rad and rad/s."""
    if not np.isfinite(positions).all() or (np.abs(velocities) > RATE_TOLERANCE * limits.speed).any():
        return Fault.JOINT_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION
    if (positions > limits.upper).any() or (positions < limits.lower).any():
        return Fault.JOINT_MOTION_GENERATOR_POSITION_LIMITS_VIOLATION
    return None


def new_follower(generator: Generator, reference: Reference, limits: JointLimits) -> Follower | None:
    """The follower of a generator; None for torques alone."""
    if generator is Generator.JOINT_POSITION:
        return JointPositionFollower(reference, limits)
    if generator is Generator.JOINT_VELOCITY:
        return JointVelocityFollower(reference, limits)
    return None
