"""Defines the exceptions of the client alone; those that a daemon raises are in `serl_api.errors.robot`.

RobotError
├── MotionFailedError                    a motion stopped short of its goal
├── AddressError (ValueError)            an address, token or certificate that cannot be used
├── PrivateSimulatorError                the private simulator did not start
├── TaskMismatchError                    the daemon cannot serve an environment's task
├── ClockError                           the clock of one of two arms jumped or runs off
└── EpisodeFileError                     a file does not hold episodes, or holds others
"""

from serl_api.errors.robot import (
    ConnectionLostError,
    ControlHeldError,
    ControlTakenError,
    DeadlineError,
    DeviceUnavailableError,
    FaultError,
    ModeError,
    RobotError,
    SessionClosedError,
    StopLatchedError,
    TooManyStreamsError,
)


class MotionFailedError(RobotError):
    """A motion stopped short of its goal. The session stays open and the arm holds."""


class AddressError(RobotError, ValueError):
    """An address, token or certificate that cannot be used."""


class PrivateSimulatorError(RobotError):
    """The private simulator did not start."""


class TaskMismatchError(RobotError):
    """The daemon lacks what an environment's task needs."""


class ClockError(RobotError):
    """The clock of one of two arms has jumped or runs off, so that no skew between them can be stated."""


class EpisodeFileError(RobotError):
    """A file does not hold episodes, or holds episodes of something else."""


PASSING_ERRORS = (
    ClockError,
    ConnectionLostError,
    ControlHeldError,
    ControlTakenError,
    DeadlineError,
    DeviceUnavailableError,
    FaultError,
    ModeError,
    MotionFailedError,
    SessionClosedError,
    StopLatchedError,
    TooManyStreamsError,
)
"""Errors that pass by themselves or that a person at the cell ends, so that the same call may succeed later."""
