"""Translates the compliance parameters of SERL's controller to a `Compliance`."""

from collections.abc import Mapping

from serl_api.values import Compliance, Triple

_PLAIN = {
    "translational_stiffness": "translational_stiffness",
    "translational_damping": "translational_damping",
    "rotational_damping": "rotational_damping",
}
_INTEGRALS = ("translational_Ki", "rotational_Ki")
# SERL's error is measured minus desired: its negative errors are those that pull towards positive axes.
_CLIPS = {
    "translational_clip": ("translational_clip_negative", 1.0),
    "translational_clip_neg": ("translational_clip_positive", 1.0),
    "rotational_clip": ("rotational_clip_negative", 2.0),
    "rotational_clip_neg": ("rotational_clip_positive", 2.0),
}
_HALF_ANGLE = 0.5
"""SERL's rotation error is the quaternion's vector part: half of the rotation vector."""
_KNOWN = (
    *_PLAIN,
    "rotational_stiffness",
    *_INTEGRALS,
    *(f"{clip}_{axis}" for clip in _CLIPS for axis in "xyz"),
)


def compliance_from_serl(parameters: Mapping[str, float]) -> Compliance:
    """Translates a `COMPLIANCE_PARAM` or `PRECISION_PARAM` of SERL or HIL-SERL, so that the arm behaves the same.

    SERL clips its error, which is the measured pose minus the desired one: `translational_clip_neg_x` bounds the pull
    towards +x, `translational_clip_x` the one towards -x. Here clips are named by the direction of the pull.

    Args:
        parameters: By SERL's names, in SI units and rad. What is left out stays as it is.

    Raises:
        ValueError: A name is unknown, a clip names some axes only, or an integral gain is not 0.
    """
    unknown = sorted(set(parameters) - set(_KNOWN))
    if unknown:
        raise ValueError(f'"{unknown[0]}" is no compliance parameter of SERL; use one of {", ".join(_KNOWN)}')
    for name in _INTEGRALS:
        if parameters.get(name, 0.0) != 0.0:
            raise ValueError(f"{name} is {parameters[name]:g}; there is no integral gain here: set it to 0")
    values: dict[str, float | Triple] = {ours: parameters[name] for name, ours in _PLAIN.items() if name in parameters}
    if "rotational_stiffness" in parameters:
        values["rotational_stiffness"] = _HALF_ANGLE * parameters["rotational_stiffness"]
    for name, (ours, scale) in _CLIPS.items():
        clip = _clip(name, parameters, scale)
        if clip is not None:
            values[ours] = clip
    return Compliance(**values)  # type: ignore[arg-type]


def _clip(name: str, parameters: Mapping[str, float], scale: float) -> Triple | None:
    keys = [f"{name}_{axis}" for axis in "xyz"]
    missing = [key for key in keys if key not in parameters]
    if len(missing) == 3:
        return None
    if missing:
        raise ValueError(f"{missing[0]} is missing; give all three axes of {name}, or none")
    x, y, z = (scale * parameters[key] for key in keys)
    return (x, y, z)
