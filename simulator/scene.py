"""Composes arm, gripper, table, lights and cameras into one MjSpec; a task adds its props."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from simulator.arm_model import add_arm
from simulator.arm_table import ArmTable
from simulator.contact import PROP_BIT, TABLE_BIT
from simulator.gripper_model import TCP_OFFSET, add_gripper
from simulator.impedance import JOINT_GROUP, add_impedance
from simulator.shapes import VISUAL_GROUP

TIMESTEP_NS = 2_000_000
"""Physics step, ns."""

WRIST_CAMERA = "wrist"
FRONT_CAMERA = "front"
CAMERAS = (FRONT_CAMERA, WRIST_CAMERA)
"""Names of the cameras of every scene."""

_MATERIALS: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "shell": ((0.93, 0.94, 0.95), 0.35, 0.55),
    "joint": ((0.33, 0.35, 0.38), 0.3, 0.4),
    "dark": ((0.16, 0.17, 0.19), 0.4, 0.5),
    "metal": ((0.62, 0.64, 0.67), 0.6, 0.7),
    "pad": ((0.10, 0.10, 0.11), 0.05, 0.1),
    "leg": ((0.30, 0.32, 0.35), 0.2, 0.3),
    "edge": ((0.55, 0.42, 0.30), 0.1, 0.2),
}
"""Colour (RGB), specular and shininess of the plain materials."""


@dataclass(frozen=True, kw_only=True)
class CameraPlacement:
    """A camera that stands in the scene and looks at a point."""

    name: str
    """Name of the camera."""
    position: tuple[float, float, float]
    """m, in base."""
    target: tuple[float, float, float]
    """Point in the middle of the image, m, in base."""
    fovy: float
    """Vertical field of view, rad."""


FRONT = CameraPlacement(name=FRONT_CAMERA, position=(1.25, 0.0, 0.62), target=(0.36, 0.0, 0.08), fovy=0.72)


def new_scene(table: ArmTable) -> mujoco.MjSpec:
    """An arm with gripper before an empty table whose top is at z = 0.

    Args:
        table: Facts of the arm.

    Returns:
        The scene, ready for a task's props.
    """
    spec = mujoco.MjSpec()
    spec.modelname = f"{table.name} cell"
    spec.compiler.degree = False
    _set_options(spec)
    _add_materials(spec)
    _add_surroundings(spec)
    hand = add_gripper(spec, add_arm(spec, table))
    add_impedance(spec, hand, TCP_OFFSET)
    _add_cameras(spec, hand)
    return spec


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


def _set_options(spec: mujoco.MjSpec) -> None:
    option = spec.option
    option.timestep = TIMESTEP_NS * 1e-9
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    option.iterations = 10
    option.ls_iterations = 10
    option.disableactuator = 1 << JOINT_GROUP
    spec.stat.center = [0.35, 0.0, 0.25]
    spec.stat.extent = 1.2


def _add_materials(spec: mujoco.MjSpec) -> None:
    for name, (rgb, specular, shininess) in _MATERIALS.items():
        spec.add_material(name=name, rgba=[*rgb, 1.0], specular=specular, shininess=shininess)


def _add_surroundings(spec: mujoco.MjSpec) -> None:
    plane = spec.worldbody.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1.0, 1.0, 0.1])
    plane.contype = TABLE_BIT
    plane.conaffinity = 0
    plane.friction = [0.7, 0.005, 0.0001]
    plane.group = 3


def _add_cameras(spec: mujoco.MjSpec, hand: mujoco.MjsBody) -> None:
    forward = np.array(FRONT.target) - np.array(FRONT.position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    up = np.cross(right, forward)
    xyaxes = [*(right / np.linalg.norm(right)), *(up / np.linalg.norm(up))]
    _add_camera(spec.worldbody, FRONT.name, FRONT.position, xyaxes, FRONT.fovy)
    # In front of the hand, looking down past the fingers; image right is the hand's +y.
    tilt = 0.42
    _add_camera(hand, WRIST_CAMERA, (0.075, 0.0, 0.02), [0.0, 1.0, 0.0, math.cos(tilt), 0.0, math.sin(tilt)], 1.15)


def _add_camera(
    body: mujoco.MjsBody, name: str, position: Sequence[float], xyaxes: Sequence[float], fovy: float
) -> None:
    camera = body.add_camera(name=name, pos=position, fovy=math.degrees(fovy))
    camera.alt.xyaxes = xyaxes
