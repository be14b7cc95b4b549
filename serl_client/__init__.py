"""Thin client and gymnasium environments for any daemon of the serl.robot.v1 API."""

from serl_client.errors import (
    AddressError,
    AuthenticationError,
    ConnectionLostError,
    ControlHeldError,
    DaemonError,
    DeadlineError,
    DeviceUnavailableError,
    DrainingError,
    EpisodeFileError,
    FaultError,
    InvalidRequestError,
    InvalidTargetError,
    LimitExceededError,
    ModeError,
    MotionFailedError,
    NotEquippedError,
    NotFoundError,
    PrivateSimulatorError,
    RobotError,
    SessionClosedError,
    StopLatchedError,
    TaskMismatchError,
    TooManyStreamsError,
)
from serl_client.robot import RobotClient
from serl_client.session import ControlSession
