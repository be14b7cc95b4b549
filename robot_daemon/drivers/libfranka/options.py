"""Options of a Franka arm in a cell's file."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from robot_daemon.config import ConfigError, Quadruple, require
from robot_daemon.devices import Triple
from robot_daemon.drivers.libfranka.facts import FACTS
from robot_daemon.toml_file import nearest

Septuple: TypeAlias = tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class FrankaOptions:
    """A Franka Research 3, or a Panda where franky was built for its system version."""

    host: str
    """Address of the control box, such as 172.16.0.2."""
    model: str = "fr3"
    """"fr3" or "panda"."""
    realtime: Literal["enforce", "prefer", "ignore"] = "enforce"
    """Whether to insist on a realtime kernel. "prefer" takes realtime priority where it may, "ignore" never: trials."""
    tcp_position_m: Triple | None = None
    """TCP in the frame of the flange, m; left out: the end effector that Desk knows of."""
    tcp_quaternion_xyzw: Quadruple = (0.0, 0.0, -0.3826834323650898, 0.9238795325112867)
    """Orientation of the TCP in the frame of the flange, with `tcp_position_m`; the default is the Franka Hand's."""
    home_rad: Septuple | None = None
    """Joint positions of home, rad; left out: the model's, with the tool pointing down before the base."""
    contact_torque_nm: float = 40.0
    """External torque of a joint at which the arm stops by a reflex, Nm."""
    contact_force_n: float = 60.0
    """External force or torque at the TCP at which the arm stops by a reflex, N and Nm."""
    target_time_constant_s: float = 0.06
    """Time constant of the low-pass on TCP targets, s; 0 has none, as the simulator, SERL's controller has 0.2.

    Steps of 5 cm at 10 Hz through a stiffness of 2000 N/m exceed the speed limit of a joint now and then below 0.05.
    """
    gains_time_constant_s: float = 0.1
    """Time constant with which changed gains take effect, s."""
    loop_rate_hz: float = 500.0
    """Turns a second of the thread that feeds references and takes samples."""
    command_deadline_s: float = 5.0
    """Time after which a command to the control box that has no answer counts as a lost connection, s."""

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError('host is empty; give the control box\'s address, such as "172.16.0.2"')
        if self.model not in FACTS:
            raise ConfigError(f'model is "{self.model}"; {nearest(self.model, list(FACTS))}')
        for axis, offset in zip("xyz", self.tcp_position_m or (), strict=False):
            require(f"tcp_position_m.{axis}", offset, -1.0, 1.0)
        norm = math.hypot(*self.tcp_quaternion_xyzw)
        if not abs(norm - 1.0) <= 1e-3:
            raise ConfigError(f"tcp_quaternion_xyzw has norm {norm:g}; it must be a unit quaternion")
        if self.home_rad is not None:
            facts = FACTS[self.model]
            for joint, position in enumerate(self.home_rad):
                require(f"home_rad[{joint}]", position, facts.lower[joint], facts.upper[joint])
        require("contact_torque_nm", self.contact_torque_nm, 1.0, 100.0)
        require("contact_force_n", self.contact_force_n, 1.0, 200.0)
        require("target_time_constant_s", self.target_time_constant_s, 0.0, 2.0)
        require("gains_time_constant_s", self.gains_time_constant_s, 0.001, 2.0)
        require("loop_rate_hz", self.loop_rate_hz, 50.0, 1000.0)
        require("command_deadline_s", self.command_deadline_s, 0.5, 60.0)
