"""Builds the scene of the cable: a chain of capsules that hangs from the fingers, and a clip with two jaws."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from serl_tasks.cable_route.places import (
    CHAMFER,
    CLEARANCE,
    CLIP,
    CLIP_DEPTH,
    CLIP_HALF_LENGTH,
    CLIP_PLACE,
    LAID,
    MOUTH_HEIGHT,
    RADIUS,
    SEGMENT_COUNT,
    SEGMENT_LENGTH,
    SEGMENTS,
)
from serl_tasks.plate_insert.slot import Slot, add_slot
from simulator.model.contact_bits import PROP_BIT, TABLE_BIT
from simulator.model.gripper_model import FINGER_JOINTS, TCP_OFFSET
from simulator.model.shapes import VISUAL_GROUP

_LINE_DENSITY = 0.05
"""Mass of a metre of cable, kg."""
_BENDING_STIFFNESS = 2e-3
"""Moment for each unit of curvature, N m2: 18 cm of it sag by 3 cm, as a network cable does."""
_JOINT_STIFFNESS = _BENDING_STIFFNESS / SEGMENT_LENGTH
_DAMPING_TIME = 0.02
"""Damping of a joint over its stiffness, s."""
_ARMATURE = 1e-6  # kg m2; a link's own inertia is so small that its spring would be too stiff for 2 ms.
_MAX_BEND = 0.06
"""Largest bend of a joint to either side at the start, rad: the cable was bent, and springs back."""
_HALF_BLOCK = (0.010, 0.020)


class CableRoute:
    """A cable that the fingers hold by its end, and a clip that its middle belongs in.

    Each joint between two links is a pair of hinges with springs: nothing twists, and it costs less than a ball joint.
    """

    text = "Lay a 6 mm cable, held by its end, into a clip with 0.8 mm of clearance on each side."
    tracked_objects = (*LAID, CLIP)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds clip and cable."""
        spec.add_material(name=CLIP, rgba=[0.12, 0.35, 0.62, 1.0], specular=0.4, shininess=0.5)
        spec.add_material(name="cable", rgba=[0.93, 0.50, 0.10, 1.0], specular=0.3, shininess=0.4)
        clip = Slot(
            name=CLIP,
            position=(*CLIP_PLACE, MOUTH_HEIGHT),
            half=(CLIP_HALF_LENGTH, RADIUS + CLEARANCE),
            depth=CLIP_DEPTH,
            chamfer=CHAMFER,
            block_half=_HALF_BLOCK,
            block_material=CLIP,
            is_open=True,
        )
        add_slot(spec, clip)
        body = spec.body("hand")
        for index, name in enumerate(SEGMENTS):
            body = body.add_body(name=name, pos=[SEGMENT_LENGTH, 0.0, 0.0] if index else [0.0, 0.0, TCP_OFFSET])
            _add_link(body, is_held=index == 0)
        for name in SEGMENTS[:2]:
            for other in (*FINGER_JOINTS, "hand"):
                spec.add_exclude(bodyname1=name, bodyname2=other)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Lets the cable sag, bent a little to one side; what else is random is where the arm starts."""
        bend = rng.uniform(-_MAX_BEND, _MAX_BEND) * np.linspace(1.0, 0.0, SEGMENT_COUNT - 1)
        for name, sag, side in zip(SEGMENTS[1:], _sag(), bend, strict=True):
            start = int(model.jnt_qposadr[model.body(name).jntadr[0]])
            data.qpos[start : start + 2] = (-sag, side)


def _sag() -> NDArray[np.float64]:
    """Angles at which springs and weight of a cable that is held level are in balance, rad. One for each joint."""
    weight = _LINE_DENSITY * SEGMENT_LENGTH * 9.81
    angles = np.zeros(SEGMENT_COUNT - 1)
    for _ in range(20):
        slopes = np.concatenate(((0.0,), np.cumsum(angles)))
        ends = np.cumsum(SEGMENT_LENGTH * np.cos(slopes))
        middles = ends - 0.5 * SEGMENT_LENGTH * np.cos(slopes)
        angles = np.array([weight * (middles[i:] - ends[i - 1]).sum() for i in range(1, SEGMENT_COUNT)])
        angles /= _JOINT_STIFFNESS
    return angles


def _add_link(body: mujoco.MjsBody, *, is_held: bool) -> None:
    for axis in () if is_held else ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0]):
        joint = body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis, armature=_ARMATURE)
        joint.stiffness = [_JOINT_STIFFNESS, 0.0, 0.0]
        joint.damping = [_JOINT_STIFFNESS * _DAMPING_TIME, 0.0, 0.0]
    start = -0.5 * SEGMENT_LENGTH if is_held else 0.0
    geom = body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[start, 0.0, 0.0, SEGMENT_LENGTH, 0.0, 0.0],
        size=[RADIUS, 0.0, 0.0],
        mass=_LINE_DENSITY * SEGMENT_LENGTH,
        material="cable",
    )
    geom.contype, geom.conaffinity, geom.condim = PROP_BIT, TABLE_BIT, 3  # Links do not touch each other.
    geom.friction = [0.3, 0.005, 0.0001]
    geom.solref = [0.01, 1.0]
    geom.group = VISUAL_GROUP
