"""Defines the facts of a cell, constant while its daemon runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serl_api.enums import Backend, ControlMode, Pacing
from serl_api.values import Compliance, FloatArray, Pose


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmInfo:
    """Holds the facts of an arm with n joints."""

    model: str
    """Lower case: "panda", "fr3"."""
    joint_lower: FloatArray
    """Shape (n,), rad."""
    joint_upper: FloatArray
    """Shape (n,), rad."""
    joint_speed: FloatArray
    """Shape (n,), rad/s."""
    home: FloatArray
    """Shape (n,), rad."""
    home_tcp_pose: Pose
    """Pose of `tcp` in `base` at home."""
    control_modes: frozenset[ControlMode]
    """What the arm can track."""

    @property
    def joint_count(self) -> int:
        """Returns n."""
        return len(self.home)


@dataclass(frozen=True, kw_only=True)
class GripperInfo:
    """Holds the facts of a gripper."""

    model: str
    """Lower case: "robotiq-2f-85"."""
    max_width: float
    """m."""
    max_force: float
    """N."""
    max_speed: float
    """m/s."""


@dataclass(frozen=True)
class CameraIntrinsics:
    """Holds the pinhole parameters of delivered frames, px."""

    fx: float
    """Focal length along x."""
    fy: float
    """Focal length along y."""
    cx: float
    """Principal point, x."""
    cy: float
    """Principal point, y."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraInfo:
    """Holds the facts of a camera."""

    name: str
    """Unique within the cell."""
    model: str
    """Driver and model."""
    serial_number: str
    """Empty when it has none."""
    width: int
    """px."""
    height: int
    """px."""
    rate_hz: float
    """Nominal; 0 in lockstep, where a frame is rendered when asked for."""
    delivering: bool = True
    """Whether it delivers at present."""
    has_depth: bool = False
    """Whether aligned depth is available."""
    intrinsics: CameraIntrinsics | None = None
    """None when unknown."""
    mount_pose: Pose | None = None
    """Optical frame in its mount; None when uncalibrated."""
    mount: str = ""
    """"base", "tcp" or "" when unknown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """Holds the bounds that the daemon enforces for every client."""

    workspace_lower: FloatArray
    """Shape (3,), m."""
    workspace_upper: FloatArray
    """Shape (3,), m."""
    workspace_orientation_xyzw: FloatArray
    """Shape (4,); rotation is bounded about it."""
    workspace_rotation: float
    """Largest angle from that orientation, rad."""
    step_translation: float
    """Longest translation of a target from the measured pose, m."""
    step_rotation: float
    """Largest rotation of a target from the measured pose, rad."""
    force: float
    """Largest force of a wrench target, N."""
    torque: float
    """Largest torque of a wrench target, Nm."""
    contact_force: float
    """External force at which the arm faults, N."""
    min_period_s: float
    """Shortest control period."""
    max_period_s: float
    """Longest control period."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellInfo:
    """Says what stands behind an address."""

    cell_name: str
    """From the cell's configuration."""
    daemon_version: str
    """Version of the daemon's package."""
    boot_id: str
    """Drawn when the daemon started; a change means a restart."""
    backend: Backend
    """Real, simulated or fake."""
    pacing: Pacing
    """Who makes time pass."""
    arm: ArmInfo
    """The arm."""
    gripper: GripperInfo | None
    """None when the cell has none."""
    cameras: Mapping[str, CameraInfo]
    """By name, in the order of the configuration."""
    limits: Limits
    """Bounds of targets."""
    command_timeout_s: float
    """Age at which a target expires; 0 in lockstep."""
    task: str
    """Task that a simulator has loaded; empty on a real cell."""
    default_compliance: Compliance
    """Compliance that a session starts with."""
