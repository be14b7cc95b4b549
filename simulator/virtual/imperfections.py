"""Describes how a virtual arm departs from its model, as real ones do: all of it off unless it is asked for."""

import argparse
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from serl_api.settings import RATIO, SEED, Bound, check_fields


@dataclass(frozen=True, kw_only=True)
class Imperfections:
    """Holds what is wrong with an arm, its load and its network. What is random follows the arm's seed.

    Joints are not elastic: what elasticity does to a controller is approximated by torques that lag behind.
    """

    friction: Annotated[float, Bound(0, 5)] = 0.0
    """Friction of the joints that nobody compensates, as a multiple of 1.0, 1.0, 0.8, 0.8, 0.4, 0.4, 0.3 Nm, and of
    half of that for each rad/s."""
    torque_lag_ms: Annotated[float, Bound(0, 20)] = 0.0
    """Time constant with which torques follow commands, ms."""
    wrench_bias_n: Annotated[float, Bound(0, 50)] = 0.0
    """Error of the estimated force, N, in a random direction that stays."""
    torque_noise_nm: Annotated[float, Bound(0, 5)] = 0.0
    """Standard deviation of the joints' torque sensors, Nm, before the arm's low-pass."""
    unknown_payload_kg: Annotated[float, Bound(-2, 2)] = 0.0
    """Weight at the tool that the arm was not told of, kg; negative: one that it was told of and does not carry."""
    loss: Annotated[float, RATIO] = 0.0
    """Share of datagrams that are lost, each way."""
    late: Annotated[float, RATIO] = 0.0
    """Share of states that are sent 1 to 5 ms late."""
    refuse_settings: tuple[str, ...] = ()
    """Modes in which whatever sets something is refused, such as "reflex"."""
    posture_seed: Annotated[int | None, SEED] = None
    """Draws the posture in which the arm is found; None is home."""

    def __post_init__(self) -> None:
        """Refuses values that cannot be."""
        check_fields(self)

    def words(self) -> list[str]:
        """Returns the command-line options that say the same."""
        said: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            name = f"--{field.name.replace('_', '-')}"
            if field.name == "refuse_settings":
                said += [word for mode in value for word in (name, mode)]
            elif value != field.default:
                said += [name, str(value)]
        return said


PERFECT = Imperfections()
"""The model itself."""
NASTY = Imperfections(
    friction=1.0,
    torque_lag_ms=2.0,
    wrench_bias_n=2.0,
    torque_noise_nm=0.2,
    unknown_payload_kg=0.15,
    loss=0.005,
    late=0.01,
    refuse_settings=("reflex", "user-stopped", "guiding"),
)
"""A bad, not a broken, arm, at home."""

_HELP = {
    "friction": "uncompensated friction, as a multiple of 1 Nm at the first joint",
    "torque_lag_ms": "time constant with which torques follow commands",
    "wrench_bias_n": "constant error of the estimated force",
    "torque_noise_nm": "noise of the torque sensors",
    "unknown_payload_kg": "weight at the tool that the arm was not told of",
    "loss": "share of datagrams that are lost, each way",
    "late": "share of states that come 1 to 5 ms late",
    "refuse_settings": "mode in which settings are refused, such as reflex; may be repeated",
    "posture_seed": "find the arm in a posture drawn with this seed (home without)",
}
_METAVAR = {"loss": "SHARE", "late": "SHARE", "friction": "RATIO", "refuse_settings": "MODE", "posture_seed": "N"}


def add_imperfections(parser: argparse.ArgumentParser) -> None:
    """Adds an option for each imperfection, and `--nasty` for all of them."""
    group = parser.add_argument_group("imperfections", "all off by default; what is random follows --seed")
    group.add_argument(
        "--nasty", action="store_true", help="all of these but the posture at once, as a bad arm has them"
    )
    for field in fields(Imperfections):
        name, text = f"--{field.name.replace('_', '-')}", _HELP[field.name]
        metavar = _METAVAR.get(field.name, name.rsplit("-", 1)[1].upper())
        if field.name == "refuse_settings":
            group.add_argument(name, action="append", metavar=metavar, help=text)
        else:
            number = int if field.name == "posture_seed" else float
            group.add_argument(name, type=number, metavar=metavar, help=text)


def chosen_imperfections(options: argparse.Namespace) -> Imperfections:
    """Returns what the options of `add_imperfections` say. Raises ConfigError for a value that cannot be."""
    given: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(Imperfections)}
    given = {name: value for name, value in given.items() if value is not None}
    if "refuse_settings" in given:
        given["refuse_settings"] = tuple(given["refuse_settings"])
    return replace(NASTY if options.nasty else PERFECT, **given)
