"""Follows motion generators in joint space: turns what a client streams into a joint reference, or a fault."""

from typing import Protocol

import numpy as np

from serl_api.values import FloatArray
from simulator.virtual.fci.controller.joint_control import Reference
from simulator.virtual.fci.controller.plant import PERIOD_S
from simulator.virtual.fci.controller.reflexes import JointLimits
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import Generator

START_TOLERANCE = 0.02
"""Distance of the first commanded joint position from the desired one, rad. The real one is not published."""
SPEED_FACTOR = 1.02
"""Commanded speeds may exceed the limit by this factor."""
ACCELERATION_FACTOR = 1.5
"""Commanded accelerations may exceed the limit by this factor: they are differences of differences."""


class Follower(Protocol):
    """Turns what a motion generator streams into a reference."""

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """Takes a command that came `cycles` ms after the one before; a fault ends the motion."""
        ...

    def extrapolate(self) -> None:
        """Goes on for a cycle without a command."""
        ...


class Rates:
    """Estimates velocity and acceleration from streamed positions.

    After lost commands a client may go on from its own plan, or from the position to which the arm has gone on by
    itself. Both are continuous motions, so both readings are offered, and a fault is one in each of them.

    Args:
        velocity: Desired velocity before the first command. Shape (N,).
    """

    def __init__(self, velocity: FloatArray) -> None:
        self.velocity: FloatArray = velocity.copy()
        """Of the last command that was accepted."""
        self._cycles = 1

    def readings(
        self, from_command: FloatArray, from_reference: FloatArray, cycles: int
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Returns possible velocities with accelerations, the likelier first.

        Args:
            from_command: Way from the last command. Shape (N,).
            from_reference: Way from where the reference is now. Shape (N,).
            cycles: Time since the last command, ms.
        """
        mean = from_command / (cycles * PERIOD_S)
        # Two mean velocities lie half of both spans apart.
        readings = [(mean, (mean - self.velocity) / (0.5 * (cycles + self._cycles) * PERIOD_S))]
        if cycles > 1:
            present = from_reference / PERIOD_S
            readings.append((present, (present - self.velocity) / PERIOD_S))
        return readings

    def accept(self, velocity: FloatArray, cycles: int) -> None:
        """Accepts the velocity of a command."""
        self.velocity, self._cycles = velocity, cycles


class JointVelocityFollower:
    """Follows streamed joint velocities."""

    def __init__(self, reference: Reference, limits: JointLimits) -> None:
        self._reference = reference
        self._limits = limits

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        velocities = np.array(command["dq_c"])
        positions = self._reference.positions + velocities * PERIOD_S
        accelerations = (velocities - self._reference.velocities) / (cycles * PERIOD_S)
        return self._move_to(positions, velocities, accelerations)

    def extrapolate(self) -> None:
        """See `Follower`."""
        self._reference.extrapolate()

    def _move_to(self, positions: FloatArray, velocities: FloatArray, accelerations: FloatArray) -> Fault | None:
        fault = check_generated(positions, velocities, accelerations, self._limits)
        if fault is None:
            self._reference.move_to(positions, velocities)
        return fault


class JointPositionFollower(JointVelocityFollower):
    """Follows streamed joint positions."""

    def __init__(self, reference: Reference, limits: JointLimits) -> None:
        super().__init__(reference, limits)
        self._last = reference.positions.copy()
        self._rates = Rates(reference.velocities)
        self._has_started = False

    def follow(self, command: np.void, cycles: int) -> Fault | None:
        """See `Follower`."""
        wanted = np.array(command["q_c"])
        if not self._has_started:
            self._has_started = True
            if not np.abs(wanted - self._last).max() <= START_TOLERANCE:  # NaN is no start either.
                return Fault.JOINT_POSITION_MOTION_GENERATOR_START_POSE_INVALID
            self._last = wanted
        fault = None
        readings = self._rates.readings(wanted - self._last, wanted - self._reference.positions, cycles)
        for velocities, accelerations in readings:
            fault = self._move_to(wanted, velocities, accelerations)
            if fault is None:
                self._rates.accept(velocities, cycles)
                self._last = wanted
                break
        return fault


def check_generated(
    positions: FloatArray, velocities: FloatArray, accelerations: FloatArray, limits: JointLimits
) -> Fault | None:
    """Checks commanded joints against the limits of motion generators. Shapes (7,), rad, rad/s, rad/s^2."""
    if np.count_nonzero(np.abs(velocities) <= SPEED_FACTOR * limits.speed) < 7:  # NaN is a violation.
        return Fault.JOINT_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION
    if np.count_nonzero((positions > limits.upper) | (positions < limits.lower)):
        return Fault.JOINT_MOTION_GENERATOR_POSITION_LIMITS_VIOLATION
    if np.count_nonzero(np.abs(accelerations) > ACCELERATION_FACTOR * limits.acceleration):
        return Fault.JOINT_MOTION_GENERATOR_VELOCITY_DISCONTINUITY
    return None


def joint_follower(generator: Generator, reference: Reference, limits: JointLimits) -> Follower | None:
    """Makes the follower of a generator in joint space; None for others."""
    if generator is Generator.JOINT_POSITION:
        return JointPositionFollower(reference, limits)
    if generator is Generator.JOINT_VELOCITY:
        return JointVelocityFollower(reference, limits)
    return None
