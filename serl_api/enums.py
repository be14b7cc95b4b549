"""Defines the robot API's enumerations: the schema's numbers, where one that this client does not know is UNKNOWN."""

from __future__ import annotations

from enum import IntEnum


class _OpenEnum(IntEnum):
    """Enumerates what later versions of the schema may add values to."""

    @classmethod
    def _missing_(cls, value: object) -> _OpenEnum:
        del value
        return cls(0)


class Backend(_OpenEnum):
    """Says what stands behind the API."""

    UNKNOWN = 0
    REAL = 1
    SIMULATED = 2
    FAKE = 3


class Pacing(_OpenEnum):
    """Says who makes time pass: the daemon's clock, or the requests."""

    UNKNOWN = 0
    REAL_TIME = 1
    LOCKSTEP = 2


class ControlMode(_OpenEnum):
    """Says what an arm can track."""

    UNKNOWN = 0
    CARTESIAN_IMPEDANCE = 1
    JOINT_IMPEDANCE = 2
    WRENCH = 3


class ArmMode(_OpenEnum):
    """Says what the arm is doing; treat UNKNOWN as "not accepting targets"."""

    UNKNOWN = 0
    IDLE = 1
    CONTROLLED = 2
    HOLDING = 3
    MOVING = 4
    STOPPED = 5
    FAULTED = 6
    DISCONNECTED = 7
    GUIDED = 8


class SessionClass(_OpenEnum):
    """Says who stands behind a control session; a higher class may take the arm from a lower one."""

    UNKNOWN = 0
    LEARNER = 1
    OPERATOR = 2


class GripperMotion(_OpenEnum):
    """Says what the fingers are doing."""

    UNKNOWN = 0
    INACTIVE = 1
    MOVING = 2
    AT_TARGET = 3
    OBJECT_HELD = 4
    FAULTED = 5


class FaultSource(_OpenEnum):
    """Names the part of the cell that raised a fault."""

    UNKNOWN = 0
    ARM = 1
    GRIPPER = 2
    CAMERA = 3
    DAEMON = 4


class FaultSeverity(_OpenEnum):
    """Says what a fault does to motion: nothing, or it is refused until recovery."""

    UNKNOWN = 0
    WARNING = 1
    CRITICAL = 2


class IncrementBase(_OpenEnum):
    """Names the pose to which an increment is added."""

    UNKNOWN = 0
    MEASURED = 1
    COMMANDED = 2


class MotionOutcome(_OpenEnum):
    """Says how a motion stands; all but RUNNING are final."""

    UNKNOWN = 0
    RUNNING = 1
    REACHED = 2
    PREEMPTED = 3
    FAILED = 4


class ClipKind(_OpenEnum):
    """Says which limit changed a target."""

    UNKNOWN = 0
    WORKSPACE_POSITION = 1
    WORKSPACE_ROTATION = 2
    STEP_TRANSLATION = 3
    STEP_ROTATION = 4
    JOINT_POSITION = 5
    JOINT_STEP = 6
    FORCE = 7
    TORQUE = 8
    GRIPPER_WIDTH = 9


class PixelEncoding(_OpenEnum):
    """Names the layout of an image."""

    UNKNOWN = 0
    RGB8 = 1
    JPEG = 2
    PNG = 3
    DEPTH16 = 4


class StampSource(_OpenEnum):
    """Says where a frame's exposure time comes from, and so how far it can be trusted."""

    UNKNOWN = 0
    SENSOR = 1
    ARRIVAL = 2
    SIMULATOR = 3
