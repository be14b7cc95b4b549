"""Builds the scenes of the insertions: a plate in the hand, and a slot with a chamfered mouth on a board."""

import mujoco
import numpy as np

from serl_tasks.plate_insert.places import MOUTH_HEIGHT, PCB, RAM, SLOT_PLACE, Fit
from serl_tasks.plate_insert.slot import Slot, add_box, add_slot
from simulator.model.gripper_model import FINGER_JOINTS, TCP_OFFSET
from simulator.model.shapes import VISUAL_GROUP

PLATE_MASS = 0.03
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
        fit = self._fit
        for name, rgb in zip(self.tracked_objects, self._colors, strict=True):
            spec.add_material(name=name, rgba=[*rgb, 1.0], specular=0.4, shininess=0.5)
        spec.add_material(name="board", rgba=[0.07, 0.25, 0.16, 1.0], specular=0.3, shininess=0.4)
        _add_plate(spec, fit)
        half = (fit.half_width + fit.clearance, fit.half_thickness + fit.clearance)
        slot = Slot(
            name=fit.slot,
            position=(*SLOT_PLACE, MOUTH_HEIGHT),
            half=half,
            depth=fit.depth,
            chamfer=fit.chamfer,
            block_half=_BOARD_HALF,
            block_material="board",
        )
        add_slot(spec, slot)

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
    half_size = (fit.half_width, fit.half_thickness, fit.height / 2)
    add_box(plate, (0.0, 0.0, -fit.height / 2), half_size, fit.plate).mass = PLATE_MASS
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
