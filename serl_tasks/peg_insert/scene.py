"""Insert a peg that the gripper holds into a socket on the table."""

import mujoco
import numpy as np

from serl_tasks.peg_insert.places import DEPTH, PEG, PEG_BELOW_TCP, PEG_HALF_EDGE, SOCKET, SOCKET_PLACE
from simulator.model.contact_bits import PROP_BIT
from simulator.model.gripper_model import FINGER_JOINTS, TCP_OFFSET
from simulator.model.shapes import VISUAL_GROUP

PEG_LENGTH = 0.070
PEG_MASS = 0.05
CLEARANCE = 0.0005
"""Gap between peg and socket on each side, m."""

_OUTER_HALF = 0.035


class PegInsert:
    """A 16 mm square peg, held firmly, and a socket half a millimetre wider on each side."""

    text = "Insert a 16 mm square peg into a socket with 0.5 mm of clearance that stands at x 0.5 m, y 0 m."
    tracked_objects = (PEG, SOCKET)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Puts the peg into the hand and the socket onto the table."""
        spec.add_material(name=PEG, rgba=[0.86, 0.62, 0.16, 1.0], specular=0.5, shininess=0.6)
        spec.add_material(name=SOCKET, rgba=[0.20, 0.36, 0.62, 1.0], specular=0.3, shininess=0.4)
        _add_peg(spec)
        _add_socket(spec)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Nothing moves: as on SERL's cell, what is random is where the arm starts, and the client draws that."""
        del model, data, rng


def _add_peg(spec: mujoco.MjSpec) -> None:
    """A rigid part of the hand: a grasp that cannot slip, as upstream assumes; its frame is at the tip."""
    hand = spec.body("hand")
    peg = hand.add_body(name=PEG, pos=[0.0, 0.0, TCP_OFFSET + PEG_BELOW_TCP], gravcomp=1.0)
    geom = peg.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0.0, 0.0, -PEG_LENGTH / 2],
        size=[PEG_HALF_EDGE, PEG_HALF_EDGE, PEG_LENGTH / 2],
        mass=PEG_MASS,
        material=PEG,
    )
    _make_touchable(geom)
    for name in FINGER_JOINTS:
        spec.add_exclude(bodyname1=PEG, bodyname2=name)


def _add_socket(spec: mujoco.MjSpec) -> None:
    """Four walls; the socket's frame is in the middle of its mouth, z up."""
    socket = spec.worldbody.add_body(name=SOCKET, pos=[*SOCKET_PLACE, DEPTH])
    inner = PEG_HALF_EDGE + CLEARANCE
    half_wall = (_OUTER_HALF - inner) / 2
    offset = inner + half_wall
    for x, y, half in (
        (offset, 0.0, (half_wall, _OUTER_HALF)),
        (-offset, 0.0, (half_wall, _OUTER_HALF)),
        (0.0, offset, (inner, half_wall)),
        (0.0, -offset, (inner, half_wall)),
    ):
        geom = socket.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, pos=[x, y, -DEPTH / 2], size=[*half, DEPTH / 2], material=SOCKET
        )
        _make_touchable(geom)


def _make_touchable(geom: mujoco.MjsGeom) -> None:
    geom.contype = geom.conaffinity = PROP_BIT
    geom.condim = 3
    geom.friction = [0.3, 0.005, 0.0001]
    geom.solref = [0.01, 1.0]
    geom.group = VISUAL_GROUP
