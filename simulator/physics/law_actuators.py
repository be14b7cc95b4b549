"""Adds the actuators of the impedance law to a scene: springs, dampers and a tendon, which MuJoCo steps by itself."""

import mujoco

from simulator.model.arm_model import JOINT_NAMES

CARTESIAN_GROUP = 0
"""Actuator group of the Cartesian springs and dampers."""
JOINT_GROUP = 1
"""Actuator group of the joint springs."""
POSTURE_GROUP = 3
"""Actuator group of the null-space posture."""

AXES = ("x", "y", "z", "rx", "ry", "rz")
"""Cartesian axes in the order of a twist."""

JOINT_STIFFNESS = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)
"""Joint impedance, Nm/rad: Franka's example values."""
JOINT_DAMPING = (50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0)
"""Joint impedance, Nms/rad."""


AT_ONCE_S = 1e-9
"""Time constant with which set-points are followed at once, s."""


def add_impedance(spec: mujoco.MjSpec, tool: mujoco.MjsBody, tcp_offset: float) -> None:
    """Adds the law's sites, tendon and actuators to a scene under construction.

    Args:
        spec: Scene with the arm and its tool.
        tool: Body that carries the site "tcp".
        tcp_offset: TCP on the tool's z axis, m.
    """
    # Not the identity, else the compiler marks the site as aligned with its body and its orientation would be ignored.
    tool.add_site(name="tcp_error", pos=[0.0, 0.0, tcp_offset], quat=[0.0, 1.0, 0.0, 0.0], group=4)
    spec.worldbody.add_site(name="base", group=4)
    for kind in ("spring", "damper"):
        for index, axis in enumerate(AXES):
            _add_site_actuator(spec, f"{kind}_{axis}", index, limited=kind == "spring")
    posture = spec.add_tendon(name="posture")
    for name in JOINT_NAMES:
        posture.wrap_joint(name, 1.0)
    _add_joint_actuators(spec)
    for name, limited in (("posture", True), ("posture_damper", False)):
        actuator = spec.add_actuator(
            name=name,
            trntype=mujoco.mjtTrn.mjTRN_TENDON,
            target="posture",
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            group=POSTURE_GROUP,
        )
        if limited:
            actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
            actuator.forcerange = [-1.0, 1.0]


def _add_site_actuator(spec: mujoco.MjSpec, name: str, axis: int, *, limited: bool) -> None:
    gear = [0.0] * 6
    gear[axis] = 1.0
    actuator = spec.add_actuator(
        name=name,
        trntype=mujoco.mjtTrn.mjTRN_SITE,
        target="tcp" if axis < 3 else "tcp_error",
        refsite="base",
        gear=gear,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        group=CARTESIAN_GROUP,
    )
    if limited:
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = [-1.0, 1.0]
        actuator.dyntype = mujoco.mjtDyn.mjDYN_FILTEREXACT
        actuator.dynprm = [AT_ONCE_S] + [0.0] * 9
        actuator.actearly = True


def _add_joint_actuators(spec: mujoco.MjSpec) -> None:
    for name, stiffness in zip(JOINT_NAMES, JOINT_STIFFNESS, strict=True):
        spring = _add_joint_actuator(spec, name, name, [0.0, -stiffness, 0.0])
        spring.gainprm = [stiffness] + [0.0] * 9
        spring.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        spring.forcerange = [-1.0, 1.0]
    for name, damping in zip(JOINT_NAMES, JOINT_DAMPING, strict=True):
        _add_joint_actuator(spec, f"{name}_damper", name, [0.0, 0.0, -damping])


def _add_joint_actuator(spec: mujoco.MjSpec, name: str, joint: str, bias: list[float]) -> mujoco.MjsActuator:
    return spec.add_actuator(
        name=name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        target=joint,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        biasprm=bias + [0.0] * 7,
        group=JOINT_GROUP,
    )
