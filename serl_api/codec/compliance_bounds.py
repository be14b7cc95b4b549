"""Bounds what a compliance may be: each value by itself, and each damping by the stiffness that it has to calm."""

import math
from collections.abc import Callable

from serl_api.errors.robot import LimitExceededError
from serl_api.values import FullCompliance, Triple

COMPLIANCE_BOUNDS = {
    "translational_stiffness": (6000.0, "N/m"),
    "translational_damping": (500.0, "Ns/m"),
    "rotational_stiffness": (300.0, "Nm/rad"),
    "rotational_damping": (50.0, "Nms/rad"),
    "translational_clip_positive": (0.1, "m"),
    "translational_clip_negative": (0.1, "m"),
    "rotational_clip_positive": (1.0, "rad"),
    "rotational_clip_negative": (1.0, "rad"),
    "nullspace_stiffness": (100.0, "Nm/rad"),
}
"""Upper bounds and units; the lower is 0, which a clip may not be."""

TRANSLATIONAL_CALM = 1.0
"""Smallest damping, Ns/m, over the root of the stiffness: critical for a quarter of a kilogram; SERL's least is 1.6."""
ROTATIONAL_CALM = 0.35
"""The same for rotation; SERL's least is 0.46."""


def require_compliance(compliance: FullCompliance, field_of: Callable[[str], str]) -> None:
    """Refuses a compliance that is out of range, or that would not come to rest.

    Args:
        compliance: All values.
        field_of: How the caller calls a field.

    Raises:
        LimitExceededError: One sentence with the value, its bounds and what to do.
    """
    for name, (upper, unit) in COMPLIANCE_BOUNDS.items():
        _require_within(getattr(compliance, name), field_of(name), upper, unit)
    for kind, calm in (("translational", TRANSLATIONAL_CALM), ("rotational", ROTATIONAL_CALM)):
        stiffness, damping = getattr(compliance, f"{kind}_stiffness"), getattr(compliance, f"{kind}_damping")
        least = calm * math.sqrt(stiffness)
        if damping < least:
            upper, unit = COMPLIANCE_BOUNDS[f"{kind}_damping"]
            hint = f"a stiffness of {stiffness:g} swings with less; raise the damping or lower the stiffness"
            field = field_of(f"{kind}_damping")
            raise LimitExceededError.outside(field, damping, lower=least, upper=upper, unit=unit, hint=hint)


def _require_within(value: float | Triple, field: str, upper: float, unit: str) -> None:
    if not isinstance(value, tuple):
        if not 0.0 <= value <= upper:
            raise LimitExceededError.outside(field, value, lower=0.0, upper=upper, unit=unit)
        return
    for axis, part in zip("xyz", value, strict=True):
        if not 0.0 < part <= upper:
            hint = "0 is not allowed"
            raise LimitExceededError.outside(f"{field}.{axis}", part, lower=0.0, upper=upper, unit=unit, hint=hint)
