"""Adds primitive shapes. Meshes would cost more to render than everything else together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import mujoco

Triple: TypeAlias = tuple[float, float, float]

VISUAL_GROUP = 2
"""Geom group of shapes that are only looked at."""
COLLISION_GROUP = 3
"""Geom group of shapes that only collide; cameras leave it out."""


@dataclass(frozen=True)
class Rod:
    """Describes a capsule, or a cylinder when `flat`, between two points; m."""

    start: Triple
    end: Triple
    radius: float
    material: str = "shell"
    flat: bool = False


@dataclass(frozen=True)
class Block:
    """Describes a box, or an ellipsoid when `round`, about a centre; m."""

    center: Triple
    half_size: Triple
    material: str = "shell"
    round: bool = False


Shape: TypeAlias = Rod | Block


def add_visual(body: mujoco.MjsBody, shape: Shape) -> mujoco.MjsGeom:
    """Adds a shape that is seen, has no mass and touches nothing."""
    geom = add_shape(body, shape)
    geom.contype = 0
    geom.conaffinity = 0
    geom.group = VISUAL_GROUP
    geom.material = shape.material
    return geom


def add_shape(body: mujoco.MjsBody, shape: Shape) -> mujoco.MjsGeom:
    """Adds a massless shape with MuJoCo's default contact bits."""
    if isinstance(shape, Rod):
        kind = mujoco.mjtGeom.mjGEOM_CYLINDER if shape.flat else mujoco.mjtGeom.mjGEOM_CAPSULE
        return body.add_geom(type=kind, fromto=[*shape.start, *shape.end], size=[shape.radius, 0.0, 0.0], mass=0.0)
    kind = mujoco.mjtGeom.mjGEOM_ELLIPSOID if shape.round else mujoco.mjtGeom.mjGEOM_BOX
    return body.add_geom(type=kind, pos=shape.center, size=shape.half_size, mass=0.0)


def add_visuals(body: mujoco.MjsBody, shapes: Sequence[Shape]) -> None:
    """Adds shapes that are seen, have no mass and touch nothing."""
    for shape in shapes:
        add_visual(body, shape)
