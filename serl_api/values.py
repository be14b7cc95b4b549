"""Defines the frozen values that the API speaks of.

SI units and radians, `base` frame, quaternions xyzw. Arrays are float64 and must not be written to. Times ending in
`_time_ns` are on the daemon's monotonic clock; `capture_time_s` is its wall clock, for people and logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serl_api.enums import (
    ArmMode,
    ClipKind,
    FaultSeverity,
    FaultSource,
    GripperMotion,
    MotionOutcome,
    PixelEncoding,
    SessionClass,
    StampSource,
)

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pose:
    """Holds position and orientation of a frame in `base`."""

    position: FloatArray
    """Shape (3,), m."""
    quaternion_xyzw: FloatArray
    """Shape (4,), unit length."""


@dataclass(frozen=True, eq=False)
class JointTarget:
    """Holds joint positions to be tracked compliantly."""

    positions: FloatArray
    """Shape (n,), rad."""


@dataclass(frozen=True, eq=False)
class WrenchTarget:
    """Holds the wrench that the tool should exert at the TCP, in base axes."""

    wrench: FloatArray
    """Shape (6,): N, then Nm."""


Target: TypeAlias = Pose | JointTarget | WrenchTarget
Triple: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Compliance:
    """Holds a Cartesian impedance. None leaves a value as it is; out of range is refused with LimitExceededError."""

    translational_stiffness: float | None = None
    """N/m, in [0, 6000]."""
    translational_damping: float | None = None
    """Ns/m, in [0, 500]."""
    rotational_stiffness: float | None = None
    """Nm/rad, in [0, 300]."""
    rotational_damping: float | None = None
    """Nms/rad, in [0, 50]."""
    translational_clip_positive: Triple | None = None
    """Largest error towards positive axes of `base` before the spring, m, each in (0, 0.1]."""
    translational_clip_negative: Triple | None = None
    """Largest error towards negative axes, as positive numbers, m, each in (0, 0.1]."""
    rotational_clip_positive: Triple | None = None
    """Largest error about positive axes of `base`, rad, each in (0, 1]."""
    rotational_clip_negative: Triple | None = None
    """Largest error about negative axes, as positive numbers, rad, each in (0, 1]."""
    nullspace_stiffness: float | None = None
    """Nm/rad, in [0, 100]."""


@dataclass(frozen=True, kw_only=True)
class FullCompliance(Compliance):
    """Holds a Cartesian impedance with every value set, as it is in force; the defaults are a daemon's.

    They are those of serl_franka_controllers, whose rotation error is half of ours: its clip of 0.05 is 0.1 rad here.
    The spring pulls with 20 N and 15 Nm at most.
    """

    translational_stiffness: float = 2000.0
    translational_damping: float = 89.0
    rotational_stiffness: float = 150.0
    rotational_damping: float = 7.0
    translational_clip_positive: Triple = (0.01, 0.01, 0.01)
    translational_clip_negative: Triple = (0.01, 0.01, 0.01)
    rotational_clip_positive: Triple = (0.1, 0.1, 0.1)
    rotational_clip_negative: Triple = (0.1, 0.1, 0.1)
    nullspace_stiffness: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """Says what the arm carries, in the flange frame."""

    mass: float
    """kg."""
    center_of_mass: Triple
    """m."""
    inertia: tuple[float, ...]
    """About the centre of mass, kg m^2: a matrix of shape (3, 3), row by row."""


@dataclass(frozen=True, kw_only=True)
class GripperTarget:
    """Says what the gripper should do. Widths outside the stroke are clipped."""

    width: float
    """Opening between the finger tips, m."""
    speed: float = 0.0
    """Closing speed, m/s; 0 is the gripper's default."""
    force: float = 0.0
    """Largest closing force, N; 0 is the gripper's default."""


@dataclass(frozen=True, kw_only=True)
class GripperState:
    """Holds what a two-finger gripper measures."""

    width: float
    """Opening, m."""
    target_width: float
    """Opening that was last commanded, m."""
    motion: GripperMotion
    """What the fingers are doing."""
    force: float | None = None
    """Closing force, N; None when not measured."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Describes an abnormal condition, active until `RobotClient.recover` clears it."""

    id: str
    """Stable identifier, such as "joint_reflex" or "camera_lost.wrist"."""
    source: FaultSource
    """The part of the cell that raised it."""
    severity: FaultSeverity
    """What it does to motion."""
    onset_time_ns: int
    """When it began."""
    text: str
    """One sentence: what happened and the way out."""
    clearable: bool = True
    """Whether `recover` can clear it."""
    black_box_path: str = ""
    """File on the robot PC with the last seconds; empty when none was written."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmState:
    """Holds what an arm with n joints measures at one instant."""

    joint_positions: FloatArray
    """Shape (n,), rad."""
    joint_velocities: FloatArray
    """Shape (n,), rad/s."""
    joint_torques: FloatArray
    """Shape (n,), Nm, gravity included."""
    external_joint_torques: FloatArray | None
    """Shape (n,), Nm; None when the arm does not estimate them."""
    tcp_pose: Pose
    """Measured pose of `tcp` in `base`."""
    tcp_twist: FloatArray
    """Shape (6,): linear m/s, then angular rad/s, in base axes."""
    external_wrench: FloatArray
    """Shape (6,): N, then Nm, that the environment exerts on the tool at the TCP, in base axes."""
    jacobian: FloatArray
    """Shape (6, n), of the TCP in base axes, linear rows first."""
    command_success_rate: float | None = None
    """Share of the last 100 or so control commands that came in time, in [0, 1]; None while none are sent."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RobotState(ArmState):
    """Holds one consistent sample of the arm and the gripper; n is the number of joints."""

    monotonic_time_ns: int
    """Instant of the sample."""
    capture_time_s: float
    """The same instant, seconds since the Unix epoch."""
    gripper: GripperState | None
    """None when the cell has no gripper."""
    mode: ArmMode
    """What the arm is doing."""
    faults: tuple[Fault, ...]
    """Active faults."""
    stop_latched: bool
    """Whether `Stop` is latched."""
    control_holder: str
    """Who holds the control session; empty when nobody does."""
    applied_sequence_number: int
    """Last control request of the present session that took effect; 0 when none did."""
    applied_time_ns: int
    """When it took effect; 0 when none did."""
    armed_estops: tuple[str, ...]
    """Names of the e-stop endpoints that are armed."""
    control_session_number: int
    """Number of the open control session, which rises with each; 0 when none is open."""
    control_class: SessionClass
    """Class of that session; UNKNOWN when none is open."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthImage:
    """Holds depth aligned to a colour image."""

    values: NDArray[np.uint16]
    """Shape (height, width), 0 where unknown."""
    scale_m: float
    """Metres per unit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """Holds one image of one camera."""

    camera: str
    """Name of the camera."""
    encoding: PixelEncoding
    """Layout of `data`."""
    width: int
    """px."""
    height: int
    """px."""
    data: bytes
    """Pixels, rows from top to bottom, or the encoded file."""
    exposure_time_ns: int
    """Middle of the exposure."""
    receive_time_ns: int
    """Arrival at the daemon."""
    frame_number: int
    """Count of the camera; gaps are lost frames."""
    stamp_source: StampSource
    """Where `exposure_time_ns` comes from."""
    depth: DepthImage | None
    """None unless asked for and available."""

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """Returns the pixels, shape (height, width, 3), as a read-only view.

        Raises:
            ValueError: The frame is encoded; ask for `PixelEncoding.RGB8`.
        """
        if self.encoding is not PixelEncoding.RGB8:
            raise ValueError(
                f"frame of {self.camera} is {self.encoding.name}; ask for PixelEncoding.RGB8 to get pixels"
            )
        return np.frombuffer(self.data, np.uint8).reshape(self.height, self.width, 3)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedObject:
    """Describes an object whose pose is known without the cameras that the policy sees."""

    name: str
    """Unique within the cell."""
    pose: Pose
    """Pose in `base`."""
    twist: FloatArray | None
    """Shape (6,): m/s, rad/s, in base axes; None when unknown."""
    monotonic_time_ns: int
    """Instant of the pose."""
    ground_truth: bool
    """Whether a simulator's truth rather than a tracker's estimate."""


@dataclass(frozen=True, slots=True)
class SensorOffset:
    """Says how far one sensor's sample lies from the reference time."""

    sensor: str
    """"arm", "gripper" or "camera/<name>"."""
    offset_ns: int
    """Sample time minus reference time; 0 when missing."""
    tolerance_ns: int
    """Largest absolute offset that counts as synchronised."""
    missing: bool = False
    """Whether the sensor delivered nothing; the offset has no meaning then."""

    @property
    def within(self) -> bool:
        """Returns whether the sensor counts as synchronised."""
        return not self.missing and abs(self.offset_ns) <= self.tolerance_ns


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """Holds one soft-synchronised snapshot of every sensor of the cell."""

    reference_time_ns: int
    """Instant that the snapshot stands for."""
    capture_time_s: float
    """The same instant, seconds since the Unix epoch."""
    state: RobotState
    """Robot state, interpolated at that instant."""
    frames: Mapping[str, Frame]
    """By camera: those that were asked for and delivered."""
    tracked_objects: Mapping[str, TrackedObject]
    """By name."""
    offsets: Mapping[str, SensorOffset]
    """By sensor."""
    synchronized: bool
    """Whether every sensor that was asked for delivered within its tolerance."""
    episode_number: int
    """Count of resets since the daemon started."""
    step_index: int
    """Count of steps since the last reset."""
    newest_state: RobotState
    """Newest measurements of arm and gripper: `state`, or younger where cameras made that older. Only what is measured
    is set in it; mode, faults and session are those of `state`."""


@dataclass(frozen=True)
class Clip:
    """Describes a limit that changed a target."""

    kind: ClipKind
    """Which limit."""
    excess: float
    """How far the asked value lay outside: m, rad or N."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StepResult:
    """Describes the end of one control period."""

    observation: Observation
    """The cell at the end of the period."""
    applied_target: Target | None
    """What was applied after clipping; None when the arm was told to hold."""
    applied_gripper: GripperTarget | None
    """What the gripper was told after clipping; None when nothing was asked."""
    clips: tuple[Clip, ...]
    """Limits that changed the target."""
    applied_time_ns: int
    """When the target took effect."""
    overrun_ns: int
    """How late the tick was; 0 in lockstep."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionProgress:
    """Says how a `Move` stands."""

    outcome: MotionOutcome
    """RUNNING until the last one."""
    progress_ratio: float
    """Fraction of the path, in [0, 1]."""
    observation: Observation
    """The cell now, without frames."""
    text: str
    """One sentence when it failed."""


@dataclass(frozen=True, kw_only=True)
class RecoveryResult:
    """Holds the outcome of `RobotClient.recover`."""

    cleared: tuple[Fault, ...]
    """Faults that are gone."""
    remaining: tuple[Fault, ...]
    """Faults whose cause persists."""


@dataclass(frozen=True, kw_only=True)
class FaultList:
    """Lists the faults of a cell, newest first."""

    active: tuple[Fault, ...]
    """Active now."""
    cleared: tuple[Fault, ...]
    """Cleared; the last 100."""
