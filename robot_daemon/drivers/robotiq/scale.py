"""Converts metres, metres a second and newtons to the gripper's counts and back."""

from collections.abc import Mapping
from dataclasses import dataclass

from robot_daemon.drivers.robotiq.registers import Command
from serl_api.values import GripperTarget

FULL = 255


@dataclass(frozen=True, kw_only=True)
class Model:
    """Holds the ratings of a gripper: m, m/s, N. Speed and force grow linearly over counts 0 to 255."""

    stroke: float
    min_speed: float
    max_speed: float
    min_force: float
    max_force: float


MODELS: Mapping[str, Model] = {
    "2f-85": Model(stroke=0.085, min_speed=0.020, max_speed=0.150, min_force=20.0, max_force=235.0),
    "2f-140": Model(stroke=0.140, min_speed=0.030, max_speed=0.250, min_force=10.0, max_force=125.0),
    "hand-e": Model(stroke=0.050, min_speed=0.020, max_speed=0.150, min_force=20.0, max_force=185.0),
}
"""Sources: Robotiq, "2F-85 & 2F-140 Instruction Manual" and "Hand-E Instruction Manual", mechanical specifications."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Converts to the counts of one gripper, calibrated at both ends.

    Between the ends the opening is taken as linear in the counts, which the linkage follows to about a millimetre.
    """

    model: Model
    stroke: float
    """Opening at `open_counts`, m."""
    open_counts: int
    """gPO when fully open."""
    closed_counts: int
    """gPO when closed on nothing."""
    default_speed: float
    """m/s, where a target asks for 0."""
    default_force: float
    """N, where a target asks for 0."""

    @property
    def width_per_count(self) -> float:
        """Returns the opening of one count, m."""
        return self.stroke / (self.closed_counts - self.open_counts)

    def position(self, width: float) -> int:
        """Returns the counts of an opening. Both ends ask for the whole range, so that fingers reach their stops."""
        if width <= 0.0:
            return FULL
        if width >= self.stroke:
            return 0
        return round(self.closed_counts - width / self.width_per_count)

    def width(self, position: int) -> float:
        """Returns the opening at a number of counts, within [0, stroke], m."""
        width = (self.closed_counts - position) * self.width_per_count
        return min(max(width, 0.0), self.stroke)

    def speed(self, speed: float) -> int:
        """Returns the counts of a speed; outside the rating the nearest end."""
        model = self.model
        return _counts(speed or self.default_speed, model.min_speed, model.max_speed)

    def force(self, force: float) -> int:
        """Returns the counts of a force; outside the rating the nearest end."""
        model = self.model
        return _counts(force or self.default_force, model.min_force, model.max_force)

    def command(self, target: GripperTarget) -> Command:
        """Makes the command that moves the fingers to a target."""
        return Command(
            activate=True,
            go=True,
            position=self.position(target.width),
            speed=self.speed(target.speed),
            force=self.force(target.force),
        )


def _counts(value: float, lower: float, upper: float) -> int:
    return round(FULL * (min(max(value, lower), upper) - lower) / (upper - lower))
