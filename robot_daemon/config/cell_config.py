"""Defines the frozen dataclasses that the TOML file of a cell fills. Angles in rad, everything SI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from serl_api.codec.compliance_bounds import require_compliance
from serl_api.errors.robot import LimitExceededError
from serl_api.security import ServerSecurity
from serl_api.settings import ConfigError, read_toml, require, require_between, to_dataclass
from serl_api.values import FullCompliance, Triple

__all__ = [
    "BlackBoxConfig",
    "DaemonConfig",
    "DriverConfig",
    "LimitsConfig",
    "ServerConfig",
    "SyncConfig",
    "load_config",
]


@dataclass(frozen=True, kw_only=True)
class ServerConfig(ServerSecurity):
    """Says where the daemon listens and which clients it accepts."""

    address: str = "127.0.0.1:50051"
    """`host:port` or `unix:/path`; port 0 picks a free one."""
    max_streams: int = 8
    """State and frame streams served at once; one more is refused."""
    max_control_streams: int = 4
    """Control streams served at once, waiting ones included; one more is refused."""
    drain_grace_s: float = 1.0
    """How long calls may finish on shutdown, s."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("max_streams", self.max_streams, 1, 256)
        require_between("max_control_streams", self.max_control_streams, 1, 64)
        require_between("drain_grace_s", self.drain_grace_s, 0.0, 60.0)


@dataclass(frozen=True, kw_only=True)
class LimitsConfig:
    """Holds the limits that the daemon enforces for every client."""

    workspace_lower_m: Triple = (0.2, -0.35, 0.0)
    """Lower corner of the box that the TCP stays in, in base, m."""
    workspace_upper_m: Triple = (0.7, 0.35, 0.6)
    """Upper corner of that box, m."""
    workspace_orientation_xyzw: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    """Orientation about which rotation is bounded; the default points the tool down."""
    workspace_rotation_rad: float = math.pi
    """Largest angle from that orientation, rad; pi does not bound it."""
    step_translation_m: float = 0.03
    """Longest translation of a target from the measured pose, m."""
    step_rotation_rad: float = 0.2
    """Largest rotation of a target from the measured pose, rad."""
    tcp_speed_m_per_s: float = 0.25
    """Speed of the TCP that springs are shortened to, whatever the target and the rate, m/s."""
    tcp_rotation_rad_per_s: float = 1.0
    """The same for rotation, rad/s."""
    interpolates_targets: bool = False
    """Whether the set-point goes to each pose over its period, led by what dampers take, and does not jump there."""
    table_height_m: float = 0.0
    """Height of the table in base, m; elbow, wrist and flange stay above it when joints are moved."""
    wrench_control: bool = False
    """Whether clients may push with a wrench. Off unless the cell's file says otherwise."""
    force_n: float = 30.0
    """Largest force of a wrench target, N."""
    torque_nm: float = 5.0
    """Largest torque of a wrench target, Nm."""
    wrench_speed_m_per_s: float = 0.25
    """Speed of the TCP at which nothing is left of a wrench's force, m/s."""
    wrench_rotation_rad_per_s: float = 1.0
    """The same for its torque, rad/s."""
    wrench_timeout_s: float = 0.1
    """Longest period of a wrench, and the age at which it expires, s; never before half of this after its period."""
    load_kg: float = 3.0
    """Heaviest load that `SetLoad` accepts, kg; what the arm is rated for."""
    contact_force_n: float = 40.0
    """External force at which the arm faults, N."""
    requires_estop: bool = False
    """Whether sessions are open only while an e-stop endpoint is armed (`serl-robot estop`)."""
    critical_faults: tuple[str, ...] = ()
    """Faults that are critical in this cell though their device only warns, by identifier ("camera_lost.wrist") or by
    its part before the dot ("camera_lost"): they end the session, and what the daemon itself finds stays until somebody
    recovers, even when its cause has gone."""
    min_period_s: float = 0.002
    """Shortest control period, s."""
    max_period_s: float = 1.0
    """Longest control period, s."""
    command_timeout_s: float = 0.5
    """Age at which a target expires in real time, s. Not used in lockstep."""
    move_speed_m_per_s: float = 0.2
    """Top speed of a Cartesian `Move`, m/s; a request asks for a fraction of it."""
    move_rotation_rad_per_s: float = 0.8
    """Top angular speed of a Cartesian `Move`, rad/s."""

    def __post_init__(self) -> None:
        for axis, lower, upper in zip("xyz", self.workspace_lower_m, self.workspace_upper_m, strict=True):
            if not lower < upper:
                raise ConfigError(f"workspace_lower_m is {lower:g} in {axis}; it must be below the upper {upper:g}")
        norm = math.hypot(*self.workspace_orientation_xyzw)
        if not abs(norm - 1.0) <= 1e-3:
            raise ConfigError(f"workspace_orientation_xyzw has norm {norm:g}; it must be a unit quaternion")
        require_between("workspace_rotation_rad", self.workspace_rotation_rad, 0.0, math.pi, above=True)
        require_between("step_translation_m", self.step_translation_m, 0.0, 1.0, above=True)
        require_between("step_rotation_rad", self.step_rotation_rad, 0.0, math.pi, above=True)
        require_between("tcp_speed_m_per_s", self.tcp_speed_m_per_s, 0.01, 2.0)
        require_between("tcp_rotation_rad_per_s", self.tcp_rotation_rad_per_s, 0.01, 4.0)
        require_between("table_height_m", self.table_height_m, -2.0, 2.0)
        require_between("wrench_speed_m_per_s", self.wrench_speed_m_per_s, 0.01, 0.5)
        require_between("wrench_rotation_rad_per_s", self.wrench_rotation_rad_per_s, 0.01, 2.0)
        require_between("wrench_timeout_s", self.wrench_timeout_s, 0.01, 0.5)
        require_between("load_kg", self.load_kg, 0.0, 20.0)
        require_between("force_n", self.force_n, 0.0, 200.0)
        require_between("torque_nm", self.torque_nm, 0.0, 50.0)
        require_between("contact_force_n", self.contact_force_n, 0.0, 1000.0, above=True)
        require_between("min_period_s", self.min_period_s, 0.0, self.max_period_s, above=True)
        require_between("max_period_s", self.max_period_s, self.min_period_s, 10.0)
        require_between("command_timeout_s", self.command_timeout_s, 0.0, 10.0, above=True)
        require_between("move_speed_m_per_s", self.move_speed_m_per_s, 0.0, 2.0, above=True)
        require_between("move_rotation_rad_per_s", self.move_rotation_rad_per_s, 0.0, 4.0, above=True)


SyncPolicy: TypeAlias = Literal["aligned", "newest", "max-age"]


@dataclass(frozen=True, kw_only=True)
class SyncConfig:
    """Says how sensors are sampled and aligned in real time; lockstep samples at the tick itself."""

    policy: SyncPolicy = "aligned"
    """Which instant an observation stands for: "aligned" is where the frames lie closest together, "newest" is the
    present, with the newest frame of each camera, and "max-age" is the aligned one unless it is older than `max_age_s`.
    """
    max_age_s: float = 0.05
    """Greatest age of an observation's instant under "max-age", s."""
    sample_rate_hz: float = 200.0
    """Samples of arm and gripper a second."""
    history_s: float = 2.0
    """Age of the oldest sample kept, s."""
    arm_tolerance_s: float = 0.01
    """Largest offset at which the arm counts as synchronised, s."""
    gripper_tolerance_s: float = 0.05
    """Largest offset at which the gripper counts as synchronised, s."""
    camera_tolerance_s: float = 0.02
    """Largest offset at which a camera counts as synchronised, s; never below 0.6 of its frame period."""
    camera_lost_s: float = 0.5
    """Age of the newest frame at which a camera counts as lost, s; never below three of its frame periods."""

    def __post_init__(self) -> None:
        require("policy", self.policy, self.policy in get_args(SyncPolicy), f"one of {', '.join(get_args(SyncPolicy))}")
        require_between("max_age_s", self.max_age_s, 0.0, 1.0)
        require_between("sample_rate_hz", self.sample_rate_hz, 1.0, 1000.0)
        require_between("history_s", self.history_s, 0.1, 60.0)
        require_between("arm_tolerance_s", self.arm_tolerance_s, 0.0, 1.0, above=True)
        require_between("gripper_tolerance_s", self.gripper_tolerance_s, 0.0, 1.0, above=True)
        require_between("camera_tolerance_s", self.camera_tolerance_s, 0.0, 1.0, above=True)
        require_between("camera_lost_s", self.camera_lost_s, 0.0, 60.0, above=True)


@dataclass(frozen=True, kw_only=True)
class BlackBoxConfig:
    """Says what is recorded at each fault and each `Stop`, and where."""

    seconds: float = 10.0
    """How much of the time before is kept, s; 0 records nothing."""
    directory: Path | None = None
    """Where recordings go; left out: black-box in the service's state directory, or in ~/.local/state/serl-robot."""
    keep: int = 50
    """Recordings kept; the oldest are deleted."""

    def __post_init__(self) -> None:
        require_between("seconds", self.seconds, 0.0, 120.0)
        require_between("keep", self.keep, 1, 100_000)


@dataclass(frozen=True, kw_only=True)
class DriverConfig:
    """Names the driver of one device, with the options that this driver understands."""

    driver: str
    """Name of the driver, such as "fake", or where it is, as `package.module:object`."""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Everything else in the device's table; the driver checks it."""


@dataclass(frozen=True, kw_only=True)
class DaemonConfig:
    """Holds everything that a cell's file says."""

    name: str = "cell"
    """Name of the cell, shown to clients."""
    arm: DriverConfig
    """The arm; required."""
    gripper: DriverConfig | None = None
    """The gripper, when there is one."""
    cameras: Mapping[str, DriverConfig] = field(default_factory=dict)
    """Cameras by name, in the order of the file."""
    tracker: DriverConfig | None = None
    """What tracks the poses of objects, where something does."""
    server: ServerConfig = ServerConfig()
    """Where the daemon listens."""
    limits: LimitsConfig = LimitsConfig()
    """Bounds for every client."""
    synchronization: SyncConfig = SyncConfig()
    """Sampling and alignment of sensors."""
    compliance: FullCompliance = field(default_factory=FullCompliance)
    """FullCompliance that a session starts with."""
    black_box: BlackBoxConfig = BlackBoxConfig()
    """Recording of the last seconds before a fault."""
    file: Path | None = None
    """Where all of this was read; no key of the file."""

    def __post_init__(self) -> None:
        try:
            require_compliance(self.compliance, lambda name: f"compliance.{name}")
        except LimitExceededError as error:
            raise ConfigError(str(error)) from None

    @property
    def owner(self) -> str:
        """Says whose devices these are, in words for people: the cell's file, or its name."""
        return f"cell {self.name}" if self.file is None else str(self.file)

    def devices(self) -> dict[str, DriverConfig]:
        """Lists the devices by the key of their table: "arm", "gripper", "cameras.NAME", "tracker"."""
        cameras = {f"cameras.{name}": camera for name, camera in self.cameras.items()}
        found = {"arm": self.arm, "gripper": self.gripper, **cameras, "tracker": self.tracker}
        return {where: device for where, device in found.items() if device is not None}


def load_config(path: Path) -> DaemonConfig:
    """Reads a cell's file.

    Raises:
        ConfigError: The file cannot be read, is not TOML, or holds an unknown key or a wrong value; one sentence with
            the path of the key.
    """
    try:
        table = read_toml(path)
        devices: dict[str, Any] = {
            name: _driver(table.pop(name), name) for name in ("arm", "gripper", "tracker") if name in table
        }
        cameras = table.pop("cameras", {})
        if not isinstance(cameras, dict):
            raise ConfigError("cameras must hold one table a camera, such as [cameras.wrist]")
        devices["cameras"] = {name: _driver(value, f"cameras.{name}") for name, value in cameras.items()}
        if "arm" not in devices:
            raise ConfigError('the table [arm] is missing; it needs at least driver = "fake"')
        return to_dataclass(DaemonConfig, table, given={**devices, "file": path.absolute()})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _driver(table: object, where: str) -> DriverConfig:
    if not isinstance(table, dict) or not isinstance(table.get("driver"), str):
        raise ConfigError(f'{where} must be a table with at least driver = "NAME"')
    options = {key: value for key, value in table.items() if key != "driver"}
    return DriverConfig(driver=table["driver"], options=MappingProxyType(options))
