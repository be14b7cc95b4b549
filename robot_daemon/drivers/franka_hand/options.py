"""Defines the options of a Franka Hand in a cell's file."""

from dataclasses import dataclass

from serl_api.settings import ConfigError, require_between

MAX_SPEED = 0.1
"""Largest change of the opening, m/s."""
MAX_FORCE = 70.0
"""Largest continuous grasping force, N. Source for both: Franka Robotics, "Franka Hand Product Manual"."""


@dataclass(frozen=True, kw_only=True)
class FrankaHandOptions:
    """Says how to reach the Franka Hand, on the address of its arm."""

    host: str
    """Address of the robot, as for the arm."""
    activate: bool = False
    """Whether to home at start when the hand was not homed. The fingers then close and open fully: let go first."""
    default_speed_m_per_s: float = MAX_SPEED
    """Speed of a target that names none, m/s."""
    default_force_n: float = 40.0
    """Force of a grasp that names none, N."""
    grasp_below_m: float = 0.2
    """Closing targets below this opening are grasps, m, which keep a force but close fully where there is nothing; 0.2
    makes all of them grasps, 0 those with a force."""
    dead_zone_m: float = 0.001
    """A target that differs less than this from the one before changes nothing, m."""
    connect_timeout_s: float = 5.0
    """How long to wait for the hand at start, s."""

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError("host is empty; give the address of the robot, such as 172.16.0.2")
        require_between("default_speed_m_per_s", self.default_speed_m_per_s, 0.0, MAX_SPEED, above=True)
        require_between("default_force_n", self.default_force_n, 0.0, MAX_FORCE, above=True)
        require_between("grasp_below_m", self.grasp_below_m, 0.0, 0.2)
        require_between("dead_zone_m", self.dead_zone_m, 0.0, 0.01)
        require_between("connect_timeout_s", self.connect_timeout_s, 0.1, 60.0)
