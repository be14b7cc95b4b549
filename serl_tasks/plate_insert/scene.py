"""Builds the scenes of the insertions: a plate in the hand, and a slot with a chamfered mouth on a board."""

import math

import mujoco
import numpy as np

from serl_tasks.plate_insert.places import MOUTH_HEIGHT, PCB, RAM, SLOT_PLACE, Fit
from simulator.model.contact_bits import PROP_BIT
from simulator.model.gripper_model import FINGER_JOINTS, TCP_OFFSET
from simulator.model.shapes import VISUAL_GROUP

PLATE_MASS = 0.03
_WALL = 0.004
"""Thickness of a slot's walls, m."""
_BOARD_HALF = (0.11, 0.09)
_CARD_HALF = (0.020, 0.0008, 0.015)
"""Half sizes of the board above the pin header, m."""


class PlateScene:
    """Holds a plate firmly in the hand, before the slot it goes into.

    Args:
        fit: Sizes.
        colors: RGB of the plate and of the slot.
    """

    def __init__(self, fit: Fit, colors: tuple[tuple[float, float, float], tuple[float, float, float]]) -> None:
        self._fit = fit
        self._colors = colors
        self.tracked_objects = (fit.plate, fit.slot)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Puts the plate into the hand and the slot onto its board."""
        for name, rgb in zip(self.tracked_objects, self._colors, strict=True):
            spec.add_material(name=name, rgba=[*rgb, 1.0], specular=0.4, shininess=0.5)
        spec.add_material(name="board", rgba=[0.07, 0.25, 0.16, 1.0], specular=0.3, shininess=0.4)
        _add_plate(spec, self._fit)
        _add_slot(spec, self._fit)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Nothing moves: as on SERL's cell, what is random is where the arm starts, and the client draws that."""
        del model, data, rng


class PcbInsert(PlateScene):
    """A circuit board with a pin header, held firmly, and the header's socket."""

    text = "Insert the pin header of a circuit board, 25 x 5 mm, into its socket with 0.3 mm of clearance."

    def __init__(self) -> None:
        super().__init__(PCB, ((0.72, 0.55, 0.18), (0.10, 0.10, 0.12)))


class RamInsert(PlateScene):
    """A memory module, held firmly, and its slot."""

    text = "Insert a memory module, 133 x 1.4 mm, into its slot with 0.3 mm of clearance."

    def __init__(self) -> None:
        super().__init__(RAM, ((0.12, 0.45, 0.22), (0.12, 0.12, 0.14)))


def _add_plate(spec: mujoco.MjSpec, fit: Fit) -> None:
    """A rigid part of the hand: a grasp that cannot slip, as upstream assumes."""
    hand = spec.body("hand")
    plate = hand.add_body(name=fit.plate, pos=[0.0, 0.0, TCP_OFFSET + fit.below_tcp], gravcomp=1.0)
    _add_box(plate, (0.0, 0.0, -fit.height / 2), (fit.half_width, fit.half_thickness, fit.height / 2), fit.plate)
    plate.geoms[0].mass = PLATE_MASS
    if fit is PCB:
        card = plate.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[0.0, 0.0, -fit.height - _CARD_HALF[2]],
            size=list(_CARD_HALF),
            mass=0.0,
            material="board",
        )
        card.contype = card.conaffinity = 0
        card.group = VISUAL_GROUP
    for name in FINGER_JOINTS:
        spec.add_exclude(bodyname1=fit.plate, bodyname2=name)


def _add_slot(spec: mujoco.MjSpec, fit: Fit) -> None:
    """A floor, four walls, and a chamfer on each; the slot's frame is in the middle of its mouth, z up."""
    slot = spec.worldbody.add_body(name=fit.slot, pos=[*SLOT_PLACE, MOUTH_HEIGHT])
    floor = MOUTH_HEIGHT - fit.depth
    _add_box(slot, (0.0, 0.0, -fit.depth - floor / 2), (*_BOARD_HALF, floor / 2), "board")
    half_x, half_y = fit.half_width + fit.clearance, fit.half_thickness + fit.clearance
    # The chamfer ends where a wall begins, so that the slot has its full depth below the mouth.
    wall = (fit.depth - fit.chamfer) / 2
    z = -fit.chamfer - wall
    reach = half_x + _WALL
    for sign in (-1.0, 1.0):
        _add_box(slot, (sign * (half_x + _WALL / 2), 0.0, z), (_WALL / 2, half_y, wall), fit.slot)
        _add_box(slot, (0.0, sign * (half_y + _WALL / 2), z), (reach, _WALL / 2, wall), fit.slot)
        _add_chamfer(slot, fit, half_x, (sign, 0.0), half_y)
        _add_chamfer(slot, fit, half_y, (0.0, sign), reach)


def _add_chamfer(slot: mujoco.MjsBody, fit: Fit, inner: float, outward: tuple[float, float], along: float) -> None:
    """A box whose upper side is the slope: turned by 45 degrees about the wall's edge, which it meets."""
    half = _WALL / 2
    root = math.sqrt(0.5)
    # The upper side's middle lies on the slope, half the box's length up from the wall's edge.
    out = inner + root * half + root * half
    z = -fit.chamfer + root * half - root * half
    turn = math.pi / 4
    x, y = outward
    axis = (-y, x, 0.0)  # Turns the outward axis up.
    quat = [math.cos(turn / 2), *(-math.sin(turn / 2) * part for part in axis)]
    size = (half, along, half) if x else (along, half, half)
    _add_box(slot, (x * out, y * out, z), size, fit.slot, quat)


def _add_box(
    body: mujoco.MjsBody,
    pos: tuple[float, float, float],
    size: tuple[float, float, float],
    material: str,
    quat: list[float] | None = None,
) -> None:
    geom = body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=list(pos), size=list(size), material=material)
    if quat is not None:
        geom.quat = quat
    geom.contype = geom.conaffinity = PROP_BIT
    geom.condim = 3
    geom.friction = [0.3, 0.005, 0.0001]
    geom.solref = [0.01, 1.0]
    geom.group = VISUAL_GROUP
