"""Followers of motion generators in joint space: from what a client streams to a joint reference, or a fault.

Faults are judged by mean velocities and accelerations over the cycles between two commands: a lost datagram is none.
"""

from typing import Protocol

import numpy as np

from robot_daemon.devices import FloatArray
from simulator.virtual.fci.joint_control import Reference
from simulator.virtual.fci.plant import PERIOD_S
from simulator.virtual.fci.protocol import Fault, Generator
from simulator.virtual.fci.reflexes import JointLimits

START_TOLERANCE = 0.02
"""Distance of the first commanded joint position from the desired one, rad. The real one is not published."""
SPEED_TOLERANCE = 1.02
"""Commanded speeds may exceed the limit by this factor."""
ACCELERATION_TOLERANCE = 1.5
"""Commanded accelerations may exceed the limit by this factor: they are differences of differences."""


class Follower(Protocol):
    """Turns what a motion generator streams into a reference."""

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """Takes a command that came `cycles` ms after the one before; a fault ends the motion."""
        ...


class JointPositionFollower:
    """Follows streamed joint positions."""

    def __init__(self, reference: Reference, limits: JointLimits) -> None:
        self._reference = reference
        self._limits = limits
        self._last = reference.positions.copy()
        self._check = JointRateCheck(reference.velocities, limits)
        self._has_started = False

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        wanted = np.array(command["q_c"])
        if not self._has_started:
            self._has_started = True
            if not np.abs(wanted - self._last).max() <= START_TOLERANCE:  # NaN is no start either.
                return Fault.JOINT_POSITION_MOTION_GENERATOR_START_POSE_INVALID
            self._last = wanted
        velocities = (wanted - self._last) / (cycles * PERIOD_S)
        fault = self._check.find_fault(wanted, velocities, cycles)
        if fault is None:
            self._reference.move_to(wanted, velocities)
            self._last = wanted
        return fault


class JointVelocityFollower:
    """Follows streamed joint velocities."""

    def __init__(self, reference: Reference, limits: JointLimits) -> None:
        self._reference = reference
        self._check = JointRateCheck(reference.velocities, limits)

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        velocities = np.array(command["dq_c"])
        positions = self._reference.positions + velocities * PERIOD_S
        fault = self._check.find_fault(positions, velocities, cycles)
        if fault is None:
            self._reference.move_to(positions, velocities)
        return fault


class JointRateCheck:
    """Commanded joints against the limits of motion generators.

    Args:
        velocities: Desired velocities before the first command, rad/s. Shape (7,).
        limits: Of the arm.
    """

    def __init__(self, velocities: FloatArray, limits: JointLimits) -> None:
        self._limits = limits
        self._velocities = velocities.copy()
        self._cycles = 1

    def find_fault(self, positions: FloatArray, velocities: FloatArray, cycles: int) -> Fault | None:
        """Judges the next command. Shapes (7,), rad and rad/s."""
        limits = self._limits
        if np.count_nonzero(np.abs(velocities) <= SPEED_TOLERANCE * limits.speed) < 7:  # NaN is a violation.
            return Fault.JOINT_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION
        if np.count_nonzero((positions > limits.upper) | (positions < limits.lower)):
            return Fault.JOINT_MOTION_GENERATOR_POSITION_LIMITS_VIOLATION
        # The two mean velocities lie half of both spans apart.
        change = np.abs(velocities - self._velocities) / (0.5 * (cycles + self._cycles) * PERIOD_S)
        self._velocities, self._cycles = velocities, cycles
        if np.count_nonzero(change > ACCELERATION_TOLERANCE * limits.acceleration):
            return Fault.JOINT_MOTION_GENERATOR_VELOCITY_DISCONTINUITY
        return None


def joint_follower(generator: Generator, reference: Reference, limits: JointLimits) -> Follower | None:
    """The follower of a generator in joint space; None for others."""
    if generator is Generator.JOINT_POSITION:
        return JointPositionFollower(reference, limits)
    if generator is Generator.JOINT_VELOCITY:
        return JointVelocityFollower(reference, limits)
    return None
