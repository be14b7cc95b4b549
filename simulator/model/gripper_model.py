"""Builds a two-finger parallel jaw with the stroke, force and speed of a Robotiq 2F-85.

The real hand closes by linkages; here each finger slides, which is the same at the pads. A spring ties the fingers
together, not an equality constraint, so that an empty hand adds nothing to the constraint solver.
"""

import mujoco

from simulator.model.contact_bits import PROP_BIT, TABLE_BIT
from simulator.model.shapes import COLLISION_GROUP, Block, Rod, add_shape, add_visuals

MAX_WIDTH = 0.085
"""Stroke of the pads, m."""
MAX_FORCE = 235.0
"""Largest closing force of each pad, N."""
MIN_FORCE = 20.0
"""Smallest closing force of each pad, N."""
DEFAULT_FORCE = 60.0
"""Closing force when none is asked for, N."""
MAX_SPEED = 0.15
"""Largest speed of the opening, m/s."""
MIN_SPEED = 0.02
"""Smallest speed of the opening, m/s."""

TCP_OFFSET = 0.150
"""From the flange to the TCP between the finger pads, m."""

FINGER_JOINTS = ("finger_left", "finger_right")
"""Names of the finger joints; each is half the opening, m."""
FINGER_ACTUATORS = ("finger_left", "finger_right")
"""Names of the finger actuators."""

_BODY_MASS = 0.75
_FINGER_MASS = 0.075
_FINGER_ARMATURE = 0.2  # The motor seen through its gear; it also keeps contact with light props well conditioned.
_PAD_HALF_SIZE = (0.011, 0.004, 0.014)
_PAD_CENTER_Z = TCP_OFFSET - 0.002
_POSITION_GAIN = 8000.0  # N/m for each finger.
_VELOCITY_GAIN = 90.0  # Ns/m for each finger; critical damping of the finger's 0.275 kg.
_TIE_STIFFNESS = 15000.0  # N/m on the difference of both fingers.
_TIE_DAMPING = 60.0

_BODY_SHAPES = (
    Rod((0.0, 0.0, 0.0), (0.0, 0.0, 0.014), 0.0375, "dark", flat=True),
    Rod((0.0, 0.0, 0.014), (0.0, 0.0, 0.019), 0.034, "metal", flat=True),
    Block((0.0, 0.0, 0.045), (0.030, 0.044, 0.030), "dark"),
    Rod((0.0, -0.040, 0.068), (0.0, 0.040, 0.068), 0.027, "dark"),
    Block((0.0, 0.0, 0.0855), (0.016, 0.072, 0.0055), "metal"),
)
_FINGER_SHAPES = (
    Block((0.0, 0.010, 0.095), (0.014, 0.013, 0.010), "dark"),
    Rod((0.0, 0.0145, 0.098), (0.0, 0.0105, 0.136), 0.0085, "dark"),
    Block((0.0, 0.0095, 0.148), (0.010, 0.0035, 0.016), "metal"),
)
_TIP = Rod((-0.007, 0.005, TCP_OFFSET + 0.008), (0.007, 0.005, TCP_OFFSET + 0.008), 0.004)
_PAD = Block((0.0, 0.004, _PAD_CENTER_Z), _PAD_HALF_SIZE, "pad")


def add_gripper(spec: mujoco.MjSpec, flange: mujoco.MjsBody) -> mujoco.MjsBody:
    """Attaches the gripper to a flange.

    Args:
        spec: Scene under construction; needs the materials "dark", "metal" and "pad".
        flange: Body to attach to.

    Returns:
        The body "hand", whose frame is the flange's turned so that the fingers open along y.
    """
    half = 0.3826834323650898  # sin(pi / 8): the hand is mounted at -pi / 4 about the flange's axis, as Franka's own.
    hand = flange.add_body(name="hand", quat=[0.9238795325112867, 0.0, 0.0, -half], gravcomp=1.0)
    hand.mass = _BODY_MASS
    hand.ipos = [0.0, 0.0, 0.05]
    hand.inertia = [0.0009, 0.0008, 0.0006]
    hand.explicitinertial = True
    add_visuals(hand, _BODY_SHAPES)
    palm = add_shape(hand, Block((0.0, 0.0, 0.05), (0.030, 0.072, 0.041)))
    palm.contype, palm.conaffinity, palm.group = 0, TABLE_BIT | PROP_BIT, COLLISION_GROUP
    for name, side in zip(FINGER_JOINTS, (1.0, -1.0), strict=True):
        _add_finger(hand, name, side)
    _tie_fingers(spec)
    for name in FINGER_JOINTS:
        _add_actuator(spec, name)
    hand.add_site(name="tcp", pos=[0.0, 0.0, TCP_OFFSET], group=4)
    return hand


def _add_finger(hand: mujoco.MjsBody, name: str, side: float) -> None:
    turn = [1.0, 0.0, 0.0, 0.0] if side > 0 else [0.0, 0.0, 0.0, 1.0]
    finger = hand.add_body(name=name, quat=turn, gravcomp=1.0)
    finger.mass = _FINGER_MASS
    finger.ipos = [0.0, 0.01, 0.12]
    finger.inertia = [5e-5, 5e-5, 1e-5]
    finger.explicitinertial = True
    finger.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[0.0, 1.0, 0.0],
        range=[-0.002, MAX_WIDTH / 2 + 0.001],
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        armature=_FINGER_ARMATURE,
    )
    add_visuals(finger, (*_FINGER_SHAPES, _PAD))
    tip = add_shape(finger, _TIP)
    tip.contype, tip.conaffinity, tip.group = 0, TABLE_BIT, COLLISION_GROUP
    tip.solref = [0.03, 1.0]  # Soft: the arm's joints and the pad give way when a finger hits the table.
    tip.friction = [0.4, 0.005, 0.0001]
    tip.priority = 1
    pad = add_shape(finger, _PAD)
    pad.contype, pad.conaffinity, pad.group = 0, PROP_BIT, COLLISION_GROUP
    pad.name = f"{name}_pad"
    pad.friction = [1.0, 0.005, 0.0001]
    pad.solref = [0.01, 1.0]
    pad.solimp = [0.9, 0.97, 0.002, 0.5, 2.0]
    pad.condim = 3  # Two contacts a pad already resist turning.
    pad.priority = 1


def _tie_fingers(spec: mujoco.MjSpec) -> None:
    tie = spec.add_tendon(name="finger_tie", stiffness=[_TIE_STIFFNESS, 0.0, 0.0], damping=[_TIE_DAMPING, 0.0, 0.0])
    tie.springlength = [0.0, 0.0]
    tie.wrap_joint(FINGER_JOINTS[0], 1.0)
    tie.wrap_joint(FINGER_JOINTS[1], -1.0)


def _add_actuator(spec: mujoco.MjSpec, name: str) -> None:
    """Adds a position servo whose set-point runs at the speed in `ctrl` and stops at a border of its range."""
    spec.add_actuator(
        name=name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        target=name,
        dyntype=mujoco.mjtDyn.mjDYN_INTEGRATOR,
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        gainprm=[_POSITION_GAIN] + [0.0] * 9,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        biasprm=[0.0, -_POSITION_GAIN, -_VELOCITY_GAIN] + [0.0] * 7,
        actlimited=mujoco.mjtLimited.mjLIMITED_TRUE,
        actrange=[0.0, MAX_WIDTH / 2],
        forcelimited=mujoco.mjtLimited.mjLIMITED_TRUE,
        forcerange=[-DEFAULT_FORCE, DEFAULT_FORCE],
        group=2,  # Never off; the impedance has groups 0, 1 and 3.
    )
