"""Connects to any daemon of the serl.robot.v1 API: client and gymnasium environments.

Importing it registers the environments `serl/...` with gymnasium.
"""

import serl_client.connection.grpc_poller  # noqa: F401 - First: gRPC reads the setting once.
from serl_api.cell import (
    ArmInfo,
    CameraInfo,
    CameraIntrinsics,
    CellInfo,
    GripperInfo,
    Limits,
)
from serl_api.enums import (
    ArmMode,
    Backend,
    ClipKind,
    ControlMode,
    FaultSeverity,
    FaultSource,
    GripperMotion,
    MotionOutcome,
    Pacing,
    PixelEncoding,
    StampSource,
)
from serl_api.errors.robot import (
    AuthenticationError,
    ConnectionLostError,
    ControlHeldError,
    DaemonError,
    DeadlineError,
    DeviceUnavailableError,
    DrainingError,
    FaultError,
    InvalidRequestError,
    InvalidTargetError,
    LimitExceededError,
    ModeError,
    NotEquippedError,
    NotFoundError,
    RobotError,
    SessionClosedError,
    StopLatchedError,
    TooManyStreamsError,
)
from serl_api.values import (
    Clip,
    Compliance,
    DepthImage,
    Fault,
    FaultList,
    Frame,
    GripperState,
    GripperTarget,
    JointTarget,
    MotionProgress,
    Observation,
    Pose,
    RecoveryResult,
    RobotState,
    SensorOffset,
    StepResult,
    TrackedObject,
    WrenchTarget,
)
from serl_client.camera import (
    CameraClient,
)
from serl_client.connection.clock import (
    ClockOffset,
)
from serl_client.envs.registration import (
    make_training_env,
    register_environments,
)
from serl_client.envs.robot_env import (
    RobotEnv,
)
from serl_client.envs.task import (
    Outcome,
    Reward,
    Task,
)
from serl_client.episodes.files import (
    Episode,
    EpisodeFileWarning,
    EpisodeHeader,
    EpisodeWriter,
    read_episodes,
    read_header,
)
from serl_client.episodes.recording import (
    record_demonstrations,
)
from serl_client.errors import (
    AddressError,
    EpisodeFileError,
    MotionFailedError,
    PrivateSimulatorError,
    TaskMismatchError,
)
from serl_client.robot import (
    RobotClient,
)
from serl_client.session import (
    ControlSession,
)
from serl_client.simulator import (
    ContactPair,
    GroundTruth,
    OrbitView,
    SimulatorClient,
    TaskInfo,
    TaskList,
)

__all__ = [
    "AddressError",
    "ArmInfo",
    "ArmMode",
    "AuthenticationError",
    "Backend",
    "CameraClient",
    "CameraInfo",
    "CameraIntrinsics",
    "CellInfo",
    "Clip",
    "ClipKind",
    "ClockOffset",
    "Compliance",
    "ConnectionLostError",
    "ContactPair",
    "ControlHeldError",
    "ControlMode",
    "ControlSession",
    "DaemonError",
    "DeadlineError",
    "DepthImage",
    "DeviceUnavailableError",
    "DrainingError",
    "Episode",
    "EpisodeFileError",
    "EpisodeFileWarning",
    "EpisodeHeader",
    "EpisodeWriter",
    "Fault",
    "FaultError",
    "FaultList",
    "FaultSeverity",
    "FaultSource",
    "Frame",
    "GripperInfo",
    "GripperMotion",
    "GripperState",
    "GripperTarget",
    "GroundTruth",
    "InvalidRequestError",
    "InvalidTargetError",
    "JointTarget",
    "LimitExceededError",
    "Limits",
    "ModeError",
    "MotionFailedError",
    "MotionOutcome",
    "MotionProgress",
    "NotEquippedError",
    "NotFoundError",
    "Observation",
    "OrbitView",
    "Outcome",
    "Pacing",
    "PixelEncoding",
    "Pose",
    "PrivateSimulatorError",
    "RecoveryResult",
    "Reward",
    "RobotClient",
    "RobotEnv",
    "RobotError",
    "RobotState",
    "SensorOffset",
    "SessionClosedError",
    "SimulatorClient",
    "StampSource",
    "StepResult",
    "StopLatchedError",
    "Task",
    "TaskInfo",
    "TaskList",
    "TaskMismatchError",
    "TooManyStreamsError",
    "TrackedObject",
    "WrenchTarget",
    "make_training_env",
    "read_episodes",
    "read_header",
    "record_demonstrations",
    "register_environments",
]

register_environments()
