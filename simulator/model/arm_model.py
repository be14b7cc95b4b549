"""Builds an arm's MjSpec bodies from its table: kinematics, inertias, joint limits, and visible primitives."""

import math

import mujoco

from simulator.model.arm_shapes import ARM_SHAPES, TABLE_CONTACT_SHAPES
from simulator.model.arm_table import ArmTable, JointFacts, LinkInertia
from simulator.model.contact_bits import TABLE_BIT
from simulator.model.shapes import COLLISION_GROUP, add_shape, add_visuals

JOINT_NAMES = tuple(f"joint{number}" for number in range(1, 8))
"""Names of the arm's joints in the model."""


def joint_placement(joint: JointFacts) -> tuple[tuple[float, float, float], tuple[float, float, float, float]]:
    """Returns the pose of a joint's frame at position 0 in the frame before it.

    Craig, "Introduction to Robotics", 3rd edition, eq. 3.6.

    Returns:
        Position, m, and quaternion, wxyz.
    """
    position = (joint.a, -math.sin(joint.alpha) * joint.d, math.cos(joint.alpha) * joint.d)
    return position, (math.cos(joint.alpha / 2), math.sin(joint.alpha / 2), 0.0, 0.0)


def add_arm(spec: mujoco.MjSpec, table: ArmTable) -> mujoco.MjsBody:
    """Adds an arm to a scene, its base frame at the world's origin.

    Args:
        spec: Scene under construction; needs the materials "shell" and "joint".
        table: Facts of the arm.

    Returns:
        The body "flange", without mass, where a tool is attached.
    """
    body = spec.worldbody.add_body(name="link0")
    _fill_link(body, 0, table.links[0])
    for number, joint in enumerate(table.joints, start=1):
        position, quaternion = joint_placement(joint)
        body = body.add_body(name=f"link{number}", pos=position, quat=quaternion, gravcomp=1.0)
        _add_joint(body, number, joint, table)
        _fill_link(body, number, table.links[number])
    return body.add_body(name="flange", pos=[0.0, 0.0, table.flange_offset])


def _add_joint(body: mujoco.MjsBody, number: int, joint: JointFacts, table: ArmTable) -> None:
    body.add_joint(
        name=JOINT_NAMES[number - 1],
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=[0.0, 0.0, 1.0],
        range=[joint.lower, joint.upper],
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        actfrcrange=[-joint.torque, joint.torque],
        actfrclimited=mujoco.mjtLimited.mjLIMITED_TRUE,
        actgravcomp=True,
        damping=[table.joint_damping, 0.0, 0.0],
        armature=table.joint_armature,
    )


def _fill_link(body: mujoco.MjsBody, number: int, inertia: LinkInertia) -> None:
    body.mass = inertia.mass
    body.ipos = inertia.center
    body.fullinertia = inertia.inertia
    body.explicitinertial = True
    add_visuals(body, ARM_SHAPES[number])
    if number in TABLE_CONTACT_SHAPES:
        geom = add_shape(body, TABLE_CONTACT_SHAPES[number])
        geom.contype = 0
        geom.conaffinity = TABLE_BIT
        geom.group = COLLISION_GROUP
