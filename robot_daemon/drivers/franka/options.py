"""Defines the options of a Franka arm in a cell's file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from robot_daemon.drivers.franka.facts import ARMS, Septuple
from serl_api.settings import ConfigError, nearest, require_between
from serl_api.values import Triple

Matrix: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]

HEAVIEST_LOAD_KG = 3.0
"""Rated payload of both arms. Source: Franka Robotics, "Robot and interface specifications"."""
REALTIME_WORDS = ("enforce", "prefer", "ignore")


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Says what the arm carries beyond the end effector that Desk knows."""

    mass_kg: float
    """Mass."""
    center_of_mass_m: Triple = (0.0, 0.0, 0.0)
    """Centre of mass in the flange frame."""
    inertia_kg_m2: Matrix = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    """Inertia about the centre of mass in the flange frame, row-major."""

    def __post_init__(self) -> None:
        require_between("mass_kg", self.mass_kg, 0.0, HEAVIEST_LOAD_KG)


@dataclass(frozen=True, kw_only=True)
class FrankaOptions:
    """Says how to reach a Franka arm, and how it is driven."""

    host: str
    """Address of the arm, such as 172.16.0.2."""
    realtime: str = "enforce"
    """"enforce" refuses a kernel without PREEMPT_RT. "prefer" takes real-time priority where it may.
    "ignore" never takes it: fine for a virtual arm, while a real one stops when a command comes too late."""
    model: str = ""
    """"fr3" or "panda"; left out: what the arm says of itself."""
    home_rad: Septuple | None = None
    """Where `Reset` goes without a start; left out: the model's home."""
    posture_rad: Septuple | None = None
    """Joint positions that the null space prefers; left out: those at which the arm began to be controlled, or was held
    last. An arm that stands elsewhere swings there at 0.3 rad/s at most, as soon as a pose is tracked."""
    tcp_position_m: Triple | None = None
    """TCP in the flange frame; left out: the end effector that is set in Desk."""
    tcp_quaternion_xyzw: tuple[float, float, float, float] = (0.0, 0.0, -0.3826834323650898, 0.9238795325112867)
    """Orientation of the TCP in the flange frame, with `tcp_position_m`; the default is the Franka Hand's."""
    load: LoadOptions | None = None
    """Load to tell the arm at the start; left out: what the arm has been told before."""
    contact_torque_nm: float = 60.0
    """External torque of a joint at which the arm stops by itself; on the three last joints 40 % of it."""
    contact_force_n: float = 100.0
    """External force at the TCP at which the arm stops by itself; for torques, in Nm, 30 % of it."""
    contact_acceleration_ratio: float = 1.0
    """Those thresholds are multiplied by this while the arm accelerates, from 1 to 10."""
    target_time_constant_s: float = 0.05
    """Time constant of the low-pass on targets. 0.2 is that of serl_franka_controllers; 0 passes steps on as they come,
    as the simulator does, and long ones are then too fast for a real arm."""
    gains_time_constant_s: float = 0.1
    """Time constant with which changed gains come into force."""
    joint_stiffness_nm_per_rad: Septuple = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)
    """Joint impedance: stiffness."""
    joint_damping_nms_per_rad: Septuple = (50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0)
    """Joint impedance: damping."""
    loop_rate_hz: float = 500.0
    """How often states are sampled and set-points renewed, from 100 to 1000."""
    idle_timeout_s: float = 60.0
    """How long the arm is held under torque control without a target; then it holds itself, until the next target. 0 is
    for ever."""
    connect_timeout_s: float = 10.0
    """How long the arm may take to answer at the start."""
    command_deadline_s: float = 5.0
    """How long the arm may take to answer a command before it counts as lost."""

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError("host is empty; give the address of the arm, such as 172.16.0.2")
        if self.realtime not in REALTIME_WORDS:
            raise ConfigError(f'realtime is "{self.realtime}"; {nearest(self.realtime, REALTIME_WORDS)}')
        if self.model and self.model not in ARMS:
            raise ConfigError(f'model is "{self.model}"; {nearest(self.model, list(ARMS))}')
        norm = math.hypot(*self.tcp_quaternion_xyzw)
        if not abs(norm - 1.0) <= 1e-3:
            raise ConfigError(f"tcp_quaternion_xyzw has norm {norm:g}; it must be a unit quaternion")
        _require_each("tcp_position_m", self.tcp_position_m or (), -1.0, 1.0)
        for name in ("home_rad", "posture_rad"):
            _require_each(name, getattr(self, name) or (), -math.tau, math.tau)
        require_between("contact_torque_nm", self.contact_torque_nm, 1.0, 200.0)
        require_between("contact_force_n", self.contact_force_n, 1.0, 500.0)
        require_between("contact_acceleration_ratio", self.contact_acceleration_ratio, 1.0, 10.0)
        require_between("target_time_constant_s", self.target_time_constant_s, 0.0, 2.0)
        require_between("gains_time_constant_s", self.gains_time_constant_s, 0.001, 2.0)
        _require_each("joint_stiffness_nm_per_rad", self.joint_stiffness_nm_per_rad, 0.0, 2000.0)
        _require_each("joint_damping_nms_per_rad", self.joint_damping_nms_per_rad, 0.0, 200.0)
        require_between("loop_rate_hz", self.loop_rate_hz, 100.0, 1000.0)
        require_between("idle_timeout_s", self.idle_timeout_s, 0.0, 86_400.0)
        require_between("connect_timeout_s", self.connect_timeout_s, 0.1, 120.0)
        require_between("command_deadline_s", self.command_deadline_s, 0.5, 60.0)


def _require_each(name: str, values: Sequence[float], lower: float, upper: float) -> None:
    for index, value in enumerate(values):
        require_between(f"{name}[{index}]", value, lower, upper)
