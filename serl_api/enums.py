"""Enumerations of the robot API; the numbers are the schema's, and a number this client does not know is UNKNOWN."""

from __future__ import annotations

from enum import IntEnum


class _OpenEnum(IntEnum):
    """An enumeration to which later versions of the schema may add values."""

    @classmethod
    def _missing_(cls, value: object) -> _OpenEnum:
        del value
        return cls(0)


class Backend(_OpenEnum):
    """What stands behind the API."""

    UNKNOWN = 0
    REAL = 1
    SIMULATED = 2
    FAKE = 3


class Pacing(_OpenEnum):
    """Who makes time pass: the daemon's clock, or the requests."""

    UNKNOWN = 0
    REAL_TIME = 1
    LOCKSTEP = 2


class ControlMode(_OpenEnum):
    """What an arm can track."""

    UNKNOWN = 0
    CARTESIAN_IMPEDANCE = 1
    JOINT_IMPEDANCE = 2
    WRENCH = 3


class ArmMode(_OpenEnum):
    """What the arm is doing; treat UNKNOWN as "not accepting targets"."""

    UNKNOWN = 0
    IDLE = 1
    CONTROLLED = 2
    HOLDING = 3
    MOVING = 4
    STOPPED = 5
    FAULTED = 6
    DISCONNECTED = 7
    GUIDED = 8


class GripperMotion(_OpenEnum):
    """What the fingers are doing."""

    UNKNOWN = 0
    INACTIVE = 1
    MOVING = 2
    AT_TARGET = 3
    OBJECT_HELD = 4
    FAULTED = 5


class FaultSource(_OpenEnum):
    """The part of the cell that raised a fault."""

    UNKNOWN = 0
    ARM = 1
    GRIPPER = 2
    CAMERA = 3
    DAEMON = 4


class FaultSeverity(_OpenEnum):
    """What a fault does to motion: nothing, or it is refused until recovery."""

    UNKNOWN = 0
    WARNING = 1
    CRITICAL = 2


class IncrementBase(_OpenEnum):
    """The pose to which an increment is added."""

    UNKNOWN = 0
    MEASURED = 1
    COMMANDED = 2


class MotionOutcome(_OpenEnum):
    """How a motion stands; all but RUNNING are final."""

    UNKNOWN = 0
    RUNNING = 1
    REACHED = 2
    PREEMPTED = 3
    FAILED = 4


class ClipKind(_OpenEnum):
    """Which limit changed a target."""

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
    """Layout of an image."""

    UNKNOWN = 0
    RGB8 = 1
    JPEG = 2
    PNG = 3
    DEPTH16 = 4


class StampSource(_OpenEnum):
    """Where a frame's exposure time comes from, and so how far it can be trusted."""

    UNKNOWN = 0
    SENSOR = 1
    ARRIVAL = 2
    SIMULATOR = 3
