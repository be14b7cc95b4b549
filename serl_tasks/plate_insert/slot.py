"""Builds slots with chamfered mouths out of boxes, and boxes that touch what goes into them."""

import math
from dataclasses import dataclass

import mujoco

from simulator.model.contact_bits import PROP_BIT
from simulator.model.shapes import VISUAL_GROUP

_WALL = 0.004
"""Thickness of a slot's walls, m."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Describes a slot in a block; its frame is in the middle of its mouth, z up. Lengths in m."""

    name: str
    """Of the body, and of the material of its walls."""
    position: tuple[float, float, float]
    """Middle of the mouth, in `base`; the block stands on the table."""
    half: tuple[float, float]
    """Half of the opening along x and y, below the chamfer."""
    depth: float
    """From the mouth to the floor."""
    chamfer: float
    """How far the mouth is wider on each side; it narrows at 45 degrees."""
    block_half: tuple[float, float]
    """Half sizes of the block that it stands on."""
    block_material: str
    """Material of the block."""
    is_open: bool = False
    """Whether its ends along x are open, so that it is a clip with two jaws."""


def add_slot(spec: mujoco.MjSpec, slot: Slot) -> mujoco.MjsBody:
    """Adds a block, walls, and a chamfer on each."""
    body = spec.worldbody.add_body(name=slot.name, pos=list(slot.position))
    floor = slot.position[2] - slot.depth
    add_box(body, (0.0, 0.0, -slot.depth - floor / 2), (*slot.block_half, floor / 2), slot.block_material)
    half_x, half_y = slot.half
    # The chamfer ends where a wall begins, so that the slot has its full depth below the mouth.
    wall = (slot.depth - slot.chamfer) / 2
    z = -slot.chamfer - wall
    reach = half_x + (0.0 if slot.is_open else _WALL)
    for sign in (-1.0, 1.0):
        if not slot.is_open:
            add_box(body, (sign * (half_x + _WALL / 2), 0.0, z), (_WALL / 2, half_y, wall), slot.name)
            _add_chamfer(body, slot, half_x, (sign, 0.0), half_y)
        add_box(body, (0.0, sign * (half_y + _WALL / 2), z), (reach, _WALL / 2, wall), slot.name)
        _add_chamfer(body, slot, half_y, (0.0, sign), reach)
    return body


def _add_chamfer(body: mujoco.MjsBody, slot: Slot, inner: float, outward: tuple[float, float], along: float) -> None:
    """A box turned by 45 degrees, whose upper side begins at the wall's edge and rises outwards."""
    half = _WALL / 2
    x, y = outward
    out = inner + 2.0 * math.sqrt(0.5) * half
    turn = math.pi / 4
    quat_wxyz = [math.cos(turn / 2), math.sin(turn / 2) * y, -math.sin(turn / 2) * x, 0.0]
    size = (half, along, half) if x else (along, half, half)
    add_box(body, (x * out, y * out, -slot.chamfer), size, slot.name, quat_wxyz)


def add_box(
    body: mujoco.MjsBody,
    position: tuple[float, float, float],
    half_size: tuple[float, float, float],
    material: str,
    quat_wxyz: list[float] | None = None,
) -> mujoco.MjsGeom:
    """Adds a box that touches props, with the friction and softness of hard plastic. m, in the body's frame."""
    geom = body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=list(position), size=list(half_size), material=material)
    if quat_wxyz is not None:
        geom.quat = quat_wxyz
    geom.contype = geom.conaffinity = PROP_BIT
    geom.condim = 3
    geom.friction = [0.3, 0.005, 0.0001]
    geom.solref = [0.01, 1.0]
    geom.group = VISUAL_GROUP
    return geom
