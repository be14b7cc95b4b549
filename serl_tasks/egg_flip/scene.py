"""Builds the scene of the egg: it lies in a pan that the hand holds, before a spatula that hangs from a bracket."""

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from serl_tasks.egg_flip.places import (
    BLADE_HALF_WIDTH,
    BLADE_LENGTH,
    EDGE_RADIUS,
    EGG,
    EGG_PLACE,
    EGG_RADIUS,
    PAN,
    PAN_FAR,
    PAN_FROM_TCP,
    PAN_HALF_WIDTH,
    PAN_NEAR,
    RIDGE_HALF,
    RIDGE_HEIGHT,
    RIM_HEIGHT,
    SPATULA,
    SPATULA_PLACE,
    WIRE_RADIUS,
    YOLK,
    YOLK_HEIGHT,
)
from serl_tasks.plate_insert.slot import add_box
from simulator.model.contact_bits import PROP_BIT, TABLE_BIT
from simulator.model.gripper_model import FINGER_JOINTS, TCP_OFFSET
from simulator.model.shapes import VISUAL_GROUP

_SHEET = 0.0015
"""Half the thickness of the pan's bottom and rim."""
_HANDLE_HALF = 0.006
_POST_LENGTH = 0.14
_EDGE_COUNT = 8
"""Rods that the egg's edge is made of."""
_EGG_MASS = 0.06
_PAN_MASS = 0.25
_FRICTION = 0.6
_SPREAD = 0.004
"""Largest distance of the egg from its place at the start, along each axis, m."""


class EggFlip:
    """An egg in a grill pan that the hand holds by its handle, and a spatula that hangs over the table.

    The egg is a stiff ring of rods with a soft contact; its white and yolk are only seen.
    """

    text = "Turn an egg over in a pan, by pushing the pan against a spatula that hangs over the table."
    tracked_objects = (EGG, YOLK)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds pan, egg and spatula."""
        spec.add_material(name=PAN, rgba=[0.16, 0.17, 0.19, 1.0], specular=0.5, shininess=0.5)
        spec.add_material(name=SPATULA, rgba=[0.75, 0.76, 0.78, 1.0], specular=0.8, shininess=0.8)
        spec.add_material(name=EGG, rgba=[0.97, 0.96, 0.92, 1.0], specular=0.2, shininess=0.2)
        spec.add_material(name=YOLK, rgba=[0.98, 0.70, 0.08, 1.0], specular=0.5, shininess=0.5)
        _add_pan(spec)
        _add_egg(spec)
        _add_spatula(spec)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Lays the egg into its half of the pan, yolk up, wherever the hand holds the pan."""
        mujoco.mj_kinematics(model, data)
        pan = model.body(PAN).id
        turn = data.xmat[pan].reshape(3, 3)
        x, y = np.array((EGG_PLACE + _SPREAD, 0.0)) + rng.uniform(-_SPREAD, _SPREAD, 2)
        yaw = 0.5 * rng.uniform(-math.pi, math.pi)
        own, quat = np.array((math.cos(yaw), 0.0, 0.0, math.sin(yaw))), np.zeros(4)
        mujoco.mju_mulQuat(quat, data.xquat[pan], own)
        start = int(model.jnt_qposadr[model.joint(EGG).id])
        data.qpos[start : start + 3] = data.xpos[pan] + turn @ np.array((x, y, EDGE_RADIUS))
        data.qpos[start + 3 : start + 7] = quat


def _add_pan(spec: mujoco.MjSpec) -> None:
    """Adds the pan as a part of the hand: a grasp that cannot slip."""
    x, y, z = PAN_FROM_TCP
    pan = spec.body("hand").add_body(name=PAN, pos=[x, -y, TCP_OFFSET - z], quat=[0.0, 1.0, 0.0, 0.0], gravcomp=1.0)
    middle, half = 0.5 * (PAN_FAR - PAN_NEAR), 0.5 * (PAN_FAR + PAN_NEAR)
    bottom = add_box(pan, (middle, 0.0, -_SHEET), (half, PAN_HALF_WIDTH, _SHEET), PAN)
    bottom.mass = _PAN_MASS
    rim = 0.5 * RIM_HEIGHT
    parts = [
        bottom,
        add_box(pan, (0.0, 0.0, 0.5 * RIDGE_HEIGHT), (RIDGE_HALF, PAN_HALF_WIDTH, 0.5 * RIDGE_HEIGHT), PAN),
    ]
    for x in (-PAN_NEAR - _SHEET, PAN_FAR + _SHEET):
        parts.append(add_box(pan, (x, 0.0, rim), (_SHEET, PAN_HALF_WIDTH, rim), PAN))
    for side in (-1.0, 1.0):
        parts.append(add_box(pan, (middle, side * (PAN_HALF_WIDTH + _SHEET), rim), (half, _SHEET, rim), PAN))
    for part in parts[1:]:
        part.mass = 0.0
    for part in parts:
        part.friction = [_FRICTION, 0.005, 0.0001]
    end = PAN_NEAR + 2.0 * _SHEET
    length = PAN_FROM_TCP[0] - end + 0.02
    handle = add_box(pan, (-end - 0.5 * length, 0.0, -PAN_FROM_TCP[2]), (0.5 * length, _HANDLE_HALF, _HANDLE_HALF), PAN)
    handle.mass, handle.contype, handle.conaffinity = 0.0, 0, 0
    for name in FINGER_JOINTS:
        spec.add_exclude(bodyname1=PAN, bodyname2=name)


def _add_egg(spec: mujoco.MjSpec) -> None:
    egg = spec.worldbody.add_body(name=EGG, pos=[*SPATULA_PLACE[:2], 0.5])
    egg.add_freejoint(name=EGG)
    corners = _corners()
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rod = egg.add_geom(
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=[*start, *end],
            size=[EDGE_RADIUS, 0.0, 0.0],
            mass=_EGG_MASS / _EDGE_COUNT,
            material=EGG,
        )
        rod.contype, rod.conaffinity, rod.condim = PROP_BIT, PROP_BIT | TABLE_BIT, 3
        rod.friction = [_FRICTION, 0.005, 0.0001]
        rod.solref = [0.015, 1.0]
        rod.group = VISUAL_GROUP
    _add_looks(egg, [EGG_RADIUS, 0.7 * EDGE_RADIUS, 0.0], mujoco.mjtGeom.mjGEOM_CYLINDER, EGG)
    yolk = egg.add_body(name=YOLK, pos=[0.0, 0.0, YOLK_HEIGHT])
    _add_looks(yolk, [0.014, 0.014, 0.006], mujoco.mjtGeom.mjGEOM_ELLIPSOID, YOLK)
    yolk.mass, yolk.inertia, yolk.explicitinertial = 1e-4, [1e-8] * 3, True


def _corners() -> NDArray[np.float64]:
    angles = 2.0 * math.pi * np.arange(_EDGE_COUNT) / _EDGE_COUNT
    return EGG_RADIUS * np.stack([np.cos(angles), np.sin(angles), np.zeros(_EDGE_COUNT)], axis=1)


def _add_looks(body: mujoco.MjsBody, size: list[float], kind: mujoco.mjtGeom, material: str) -> None:
    geom = body.add_geom(type=kind, size=size, mass=0.0, material=material)
    geom.contype = geom.conaffinity = 0
    geom.group = VISUAL_GROUP


def _add_spatula(spec: mujoco.MjSpec) -> None:
    """Adds a spatula of bent wire: round, so that it slips under an edge without a jolt."""
    spatula = spec.worldbody.add_body(name=SPATULA, pos=list(SPATULA_PLACE))
    height, end = WIRE_RADIUS, BLADE_LENGTH
    wires = [((WIRE_RADIUS, -BLADE_HALF_WIDTH, height), (WIRE_RADIUS, BLADE_HALF_WIDTH, height))]
    wires += [((WIRE_RADIUS, y, height), (end, y, height)) for y in (-BLADE_HALF_WIDTH, BLADE_HALF_WIDTH)]
    wires += [((end, -BLADE_HALF_WIDTH, height), (end, BLADE_HALF_WIDTH, height))]
    wires += [((end, 0.0, height), (end, 0.0, _POST_LENGTH))]
    for start, stop in wires:
        wire = spatula.add_geom(
            type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[*start, *stop], size=[WIRE_RADIUS, 0.0, 0.0], material=SPATULA
        )
        wire.contype, wire.conaffinity, wire.condim = PROP_BIT, PROP_BIT, 1
        wire.solref = [0.02, 1.0]
        wire.priority = 1  # Its contacts are without friction.
        wire.group = VISUAL_GROUP
