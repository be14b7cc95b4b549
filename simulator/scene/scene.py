"""Composes arm, gripper, table, lights and cameras into one MjSpec; a task adds its props."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from serl_api.values import FloatArray
from simulator.model.arm_model import add_arm
from simulator.model.arm_table import ArmTable
from simulator.model.contact_bits import PROP_BIT, TABLE_BIT
from simulator.model.gripper_model import TCP_OFFSET, add_gripper
from simulator.model.mount import WRIST_CAMERA, Mount
from simulator.model.shapes import VISUAL_GROUP
from simulator.physics.law_actuators import JOINT_GROUP, add_impedance
from simulator.physics.physics import TIMESTEP_NS
from simulator.scene.surroundings import add_materials, add_surroundings

FRONT_CAMERA = "front"
CAMERAS = (FRONT_CAMERA, WRIST_CAMERA)
"""Names of the cameras of every scene."""


@dataclass(frozen=True, kw_only=True)
class CameraPlacement:
    """Places a camera that stands in the scene and looks at a point."""

    name: str
    """Name of the camera."""
    position: tuple[float, float, float]
    """m, in base."""
    target: tuple[float, float, float]
    """Point in the middle of the image, m, in base."""
    fovy: float
    """Vertical field of view, rad."""


SIDE = CameraPlacement(name=FRONT_CAMERA, position=(0.5, -1.15, 0.75), target=(0.5, 0.0, 0.20), fovy=0.68)
"""The same camera beside two arms that face each other."""
FRONT = CameraPlacement(name=FRONT_CAMERA, position=(1.30, 0.0, 0.60), target=(0.30, 0.0, 0.10), fovy=0.68)

_WRIST_POSITION = (0.085, 0.0, 0.03)
_WRIST_TILT = 0.40
_WRIST_FOVY = 1.2


def new_scene(table: ArmTable, right: Mount | None = None) -> mujoco.MjSpec:
    """Composes an arm with gripper before an empty table whose top is at z = 0, ready for a task's props.

    Args:
        table: Facts of the arm.
        right: Where a second arm of the kind stands; None for one arm. The two do not touch each other.
    """
    spec = mujoco.MjSpec()
    spec.modelname = f"{table.name} cell"
    spec.compiler.degree = False
    _set_options(spec)
    add_surroundings(spec, 0.0 if right is None else right.position[0])
    _add_tooled_arm(spec, table)
    _add_camera_at(spec.worldbody, FRONT if right is None else SIDE)
    if right is not None:
        _add_right_arm(spec, table, right)
    return spec


def _add_tooled_arm(spec: mujoco.MjSpec, table: ArmTable) -> None:
    hand = add_gripper(spec, add_arm(spec, table))
    add_impedance(spec, hand, TCP_OFFSET)
    # Before the hand, looking down past the fingers; the top of the image points away from the base.
    forward = np.array([-math.sin(_WRIST_TILT), 0.0, math.cos(_WRIST_TILT)])
    _add_camera(hand, WRIST_CAMERA, _WRIST_POSITION, forward, np.array([1.0, 0.0, 0.0]), _WRIST_FOVY)


def _add_right_arm(spec: mujoco.MjSpec, table: ArmTable, mount: Mount) -> None:
    other = mujoco.MjSpec()
    other.compiler.degree = False
    add_materials(other)
    _add_tooled_arm(other, table)
    x, y, z, w = mount.quaternion_xyzw
    spec.attach(other, prefix=mount.prefix, frame=spec.worldbody.add_frame(pos=mount.position, quat=[w, x, y, z]))
    for actuator in spec.actuators:
        if actuator.name.startswith(mount.prefix):
            actuator.group = mount.group(actuator.group)
    spec.option.disableactuator |= 1 << mount.group(JOINT_GROUP)


def add_prop_box(
    spec: mujoco.MjSpec, *, name: str, half_size: float, mass: float, material: str, friction: float
) -> mujoco.MjsBody:
    """Adds a free cube that the fingers, the table and other props can touch.

    Args:
        spec: Scene under construction.
        name: Name of the body.
        half_size: Half the edge, m.
        mass: kg.
        material: Name of its material.
        friction: Sliding friction against table and props; against the fingers theirs counts.
    """
    body = spec.worldbody.add_body(name=name, pos=[0.4, 0.0, half_size])
    body.add_freejoint(name=name)
    geom = body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[half_size] * 3, mass=mass, material=material)
    geom.name = name
    geom.contype = PROP_BIT
    geom.conaffinity = TABLE_BIT | PROP_BIT
    geom.condim = 3
    geom.friction = [friction, 0.005, 0.0001]
    geom.group = VISUAL_GROUP
    return body


def lay_prop(
    model: mujoco.MjModel, data: mujoco.MjData, name: str, position: tuple[float, float, float], yaw: float
) -> None:
    """Puts a free body somewhere, turned about the vertical axis. m and rad, in base."""
    start = int(model.jnt_qposadr[model.joint(name).id])
    data.qpos[start : start + 7] = (*position, math.cos(0.5 * yaw), 0.0, 0.0, math.sin(0.5 * yaw))


def _set_options(spec: mujoco.MjSpec) -> None:
    option = spec.option
    option.timestep = TIMESTEP_NS * 1e-9
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    option.impratio = 10.0  # Measured: a held cube creeps 0.15 mm/s instead of 1; elliptic cones lose it.
    option.iterations = 10
    option.ls_iterations = 10
    option.disableactuator = 1 << JOINT_GROUP


def _add_camera_at(world: mujoco.MjsBody, placement: CameraPlacement) -> None:
    forward = np.array(placement.target) - np.array(placement.position)
    _add_camera(world, placement.name, placement.position, forward, np.array([0.0, 0.0, 1.0]), placement.fovy)


def _add_camera(
    body: mujoco.MjsBody, name: str, position: Sequence[float], forward: FloatArray, up: FloatArray, fovy: float
) -> None:
    """Adds a camera that looks along `forward` with `up` towards the top of its image, both in the body's frame."""
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    forward = forward / np.linalg.norm(forward)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.stack([right, np.cross(right, forward), -forward], axis=1).ravel())
    body.add_camera(name=name, pos=position, quat=quat, fovy=math.degrees(fovy))
