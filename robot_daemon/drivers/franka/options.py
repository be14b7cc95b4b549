"""Options of a Franka arm in a cell's file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from robot_daemon.config import ConfigError, Quadruple, require
from robot_daemon.devices import Triple
from robot_daemon.drivers.franka.facts import ARMS, Septuple
from robot_daemon.toml_file import nearest

Sextuple: TypeAlias = tuple[float, float, float, float, float, float]
Matrix: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]

HEAVIEST_LOAD_KG = 3.0
"""Rated payload of both arms. Source: Franka Robotics, "Robot and interface specifications"."""


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What the arm carries beyond the end effector that Desk knows."""

    mass_kg: float
    """Mass."""
    center_of_mass_m: Triple = (0.0, 0.0, 0.0)
    """Centre of mass in the flange frame."""
    inertia_kg_m2: Matrix = (0.0,) * 9  # type: ignore[assignment]
    """Inertia about the centre of mass in the flange frame, row-major."""

    def __post_init__(self) -> None:
        require("mass_kg", self.mass_kg, 0.0, HEAVIEST_LOAD_KG)


@dataclass(frozen=True, kw_only=True)
class FrankaOptions:
    """A Franka arm on the network."""

    host: str
    """Address of the arm, such as 172.16.0.2."""
    realtime: str = "enforce"
    """"enforce" refuses a kernel without PREEMPT_RT. "prefer" takes real-time priority where it may and goes on without,
    "ignore" never takes it: fine for a virtual arm, while a real one stops when a command comes too late."""
    model: str = ""
    """"fr3" or "panda"; left out: what the arm says of itself."""
    home_rad: Septuple | None = None
    """Where `Reset` goes without a start; left out: the model's home."""
    posture_rad: Septuple | None = None
    """Joint positions that the null space prefers; left out: home."""
    flange_to_tcp_m: Triple | None = None
    """TCP in the flange frame; left out: the end effector that is set in Desk."""
    flange_to_tcp_xyzw: Quadruple = (0.0, 0.0, 0.0, 1.0)
    """Orientation of the TCP in the flange frame; counts only with `flange_to_tcp_m`."""
    load: LoadOptions | None = None
    """Load to tell the arm at the start; left out: what the arm has been told before."""
    collision_torque_nm: Septuple = (60.0, 60.0, 60.0, 60.0, 24.0, 24.0, 24.0)
    """External torque of each joint at which the arm stops by itself."""
    collision_wrench: Sextuple = (100.0, 100.0, 100.0, 30.0, 30.0, 30.0)
    """External force (N) and torque (Nm) at the TCP at which the arm stops by itself."""
    collision_acceleration_ratio: float = 1.0
    """Those thresholds are multiplied by this while the arm accelerates, from 1 to 10."""
    set_point_time_constant_s: float = 0.05
    """Time constant of the low-pass on targets. 0.2 is that of serl_franka_controllers; 0 passes steps on as they come,
    as the simulator does, and the longest ones then stop a real arm."""
    joint_stiffness_nm_per_rad: Septuple = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)
    """Joint impedance: stiffness."""
    joint_damping_nms_per_rad: Septuple = (50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0)
    """Joint impedance: damping."""
    loop_rate_hz: float = 500.0
    """How often states are sampled and set-points renewed, from 100 to 1000."""
    connect_timeout_s: float = 10.0
    """How long the arm may take to answer at start."""
    answer_timeout_s: float = 5.0
    """How long the arm may take to answer a command before it counts as lost."""

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError("host is empty; give the address of the arm, such as 172.16.0.2")
        if self.realtime not in ("enforce", "prefer", "ignore"):
            raise ConfigError(f'realtime is "{self.realtime}"; it must be "enforce", "prefer" or "ignore"')
        if self.model and self.model not in ARMS:
            raise ConfigError(f'model is "{self.model}"; {nearest(self.model, list(ARMS))}')
        norm = math.hypot(*self.flange_to_tcp_xyzw)
        if not abs(norm - 1.0) <= 1e-3:
            raise ConfigError(f"flange_to_tcp_xyzw has norm {norm:g}; it must be a unit quaternion")
        _require_each("flange_to_tcp_m", self.flange_to_tcp_m or (), -1.0, 1.0)
        for name in ("home_rad", "posture_rad"):
            _require_each(name, getattr(self, name) or (), -math.tau, math.tau)
        _require_each("collision_torque_nm", self.collision_torque_nm, 0.0, 200.0, above=True)
        _require_each("collision_wrench", self.collision_wrench, 0.0, 500.0, above=True)
        require("collision_acceleration_ratio", self.collision_acceleration_ratio, 1.0, 10.0)
        require("set_point_time_constant_s", self.set_point_time_constant_s, 0.0, 1.0)
        _require_each("joint_stiffness_nm_per_rad", self.joint_stiffness_nm_per_rad, 0.0, 2000.0)
        _require_each("joint_damping_nms_per_rad", self.joint_damping_nms_per_rad, 0.0, 200.0)
        require("loop_rate_hz", self.loop_rate_hz, 100.0, 1000.0)
        require("connect_timeout_s", self.connect_timeout_s, 0.1, 120.0)
        require("answer_timeout_s", self.answer_timeout_s, 0.5, 60.0)


def _require_each(name: str, values: Sequence[float], lower: float, upper: float, *, above: bool = False) -> None:
    for index, value in enumerate(values):
        require(f"{name}[{index}]", value, lower, upper, above=above)
