"""Converts requests to values: every number is checked here, once, before anything else sees it."""

import math
from dataclasses import replace

import numpy as np
from google.protobuf import duration_pb2
from serl.robot.v1 import control_pb2, geometry_pb2

from serl_api.codec import control, geometry
from serl_api.codec.compliance_bounds import require_compliance
from serl_api.enums import IncrementBase
from serl_api.errors.robot import InvalidRequestError, InvalidTargetError, LimitExceededError
from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.pose_increment import PoseIncrement
from serl_api.rotation import normalized
from serl_api.values import (
    FloatArray,
    FullCompliance,
    GripperTarget,
    JointTarget,
    Load,
    Pose,
    Target,
    Triple,
    WrenchTarget,
)

MAX_NAME_LENGTH = 128
"""Characters of a client's name."""
SLOWEST_RATIO = 0.001
"""Smallest fraction of the top speed: a motion has to end."""
NORM_TOLERANCE = 0.001
"""Largest difference of a quaternion's norm from 1."""


def decode_pose(pose: geometry_pb2.Pose, field: str) -> Pose:
    """Converts a pose, to a quaternion of exactly unit length.

    Raises:
        InvalidTargetError: A part is absent or not finite, or the quaternion is not of unit length.
    """
    if not pose.HasField("position") or not pose.HasField("orientation"):
        missing = "orientation" if pose.HasField("position") else "position"
        raise InvalidTargetError(f"{field}.{missing} is absent; give both position and orientation", field=field)
    position = _finite(pose.position, f"{field}.position")
    return Pose(np.array(position), _orientation(pose.orientation, f"{field}.orientation"))


def _finite(vector: geometry_pb2.Vector3, field: str) -> Triple:
    x, y, z = vector.x, vector.y, vector.z
    if not math.isfinite(x + y + z):
        raise InvalidTargetError(f"{field} is ({x}, {y}, {z}); it must be finite", field=field)
    return x, y, z


def _orientation(quaternion: geometry_pb2.Quaternion, field: str) -> FloatArray:
    x, y, z, w = quaternion.x, quaternion.y, quaternion.z, quaternion.w
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    if not abs(norm - 1.0) <= NORM_TOLERANCE:
        text = f"{field} has norm {norm:.6g}; it must be a unit quaternion within {NORM_TOLERANCE}"
        raise InvalidTargetError(text, field=field)
    return np.array(normalized((x, y, z, w)))


def decode_joints(target: control_pb2.JointTarget, joint_count: int, field: str) -> JointTarget:
    """Converts joint positions, rad.

    Raises:
        InvalidTargetError: Wrong length, or not finite.
    """
    positions = geometry.decode_numbers(target.positions_rad)
    if len(positions) != joint_count:
        text = f"{field} has {len(positions)} joint positions; this arm has {joint_count} joints"
        raise InvalidTargetError(text, field=field)
    if not np.isfinite(positions).all():
        raise InvalidTargetError(f"{field} is {positions.tolist()}; every position must be finite", field=field)
    return JointTarget(positions=positions)


def decode_wrench(wrench: geometry_pb2.Wrench, field: str) -> WrenchTarget:
    """Converts a wrench, N and Nm.

    Raises:
        InvalidTargetError: A part is absent or not finite.
    """
    if not wrench.HasField("force") or not wrench.HasField("torque"):
        raise InvalidTargetError(f"{field} lacks force or torque; give both", field=field)
    values = geometry.decode_wrench(wrench)
    if not np.isfinite(values).all():
        raise InvalidTargetError(f"{field} is {values.tolist()}; it must be finite", field=field)
    return WrenchTarget(wrench=values)


def decode_increment(message: control_pb2.PoseIncrement, field: str) -> PoseIncrement:
    """Converts an increment on a pose.

    Raises:
        InvalidTargetError: A number is not finite, an orientation not of unit length, or a box has no inside.
        LimitExceededError: A component of the rotation is more than a whole turn.
    """
    change = message.WhichOneof("orientation_change")
    return PoseIncrement(
        translation=np.array(_finite(message.translation_m, f"{field}.translation_m")),
        rotation=np.array(_turn(message.rotation_rad, f"{field}.rotation_rad")) if change == "rotation_rad" else None,
        quaternion_xyzw=_orientation(message.orientation, f"{field}.orientation") if change == "orientation" else None,
        added_to=IncrementBase(message.added_to),
        box=_decode_pose_box(message.box, f"{field}.box") if message.HasField("box") else None,
        keep_out=_decode_keep_out(message.keep_out, f"{field}.keep_out") if message.HasField("keep_out") else None,
    )


def _turn(message: geometry_pb2.Vector3, field: str) -> Triple:
    """Reads a rotation vector, of components whose squares are numbers too."""
    rotation = _finite(message, field)
    for value in rotation:
        if abs(value) > math.tau:
            raise LimitExceededError.outside(field, value, lower=-math.tau, upper=math.tau, unit="rad")
    return rotation


def _decode_keep_out(message: control_pb2.KeepOutBox, field: str) -> KeepOut:
    lower = _finite(message.lower_m, f"{field}.lower_m")
    upper = _finite(message.upper_m, f"{field}.upper_m")
    try:
        return KeepOut(lower=lower, upper=upper)
    except ValueError as error:
        raise InvalidTargetError(f"{field} has no inside: {error}", field=field) from None


def _decode_pose_box(message: control_pb2.PoseBox, field: str) -> PoseBox:
    center = decode_pose(message.center, f"{field}.center")
    lower = _finite(message.lower_m, f"{field}.lower_m")
    upper = _finite(message.upper_m, f"{field}.upper_m")
    rotation = _finite(message.rotation_rad, f"{field}.rotation_rad")
    try:
        return PoseBox(center=center, lower=lower, upper=upper, rotation=rotation)
    except ValueError as error:
        raise InvalidTargetError(f"{field} has no inside: {error}", field=field) from None


def decode_step_target(step: control_pb2.Step, joint_count: int) -> Target | PoseIncrement | None:
    """Converts the target of a `Step`; None when it asks to hold.

    Raises:
        InvalidTargetError: No limit can repair it.
    """
    kind = step.WhichOneof("target")
    if kind is None:
        return None
    if kind == "pose_increment":
        return decode_increment(step.pose_increment, "step.pose_increment")
    if kind == "tcp_pose":
        return decode_pose(step.tcp_pose, "step.tcp_pose")
    if kind == "joint_positions":
        return decode_joints(step.joint_positions, joint_count, "step.joint_positions")
    return decode_wrench(step.wrench, "step.wrench")


def decode_goal(
    request: control_pb2.Move | control_pb2.Reset, joint_count: int, field: str
) -> Pose | JointTarget | None:
    """Converts the goal of a `Move` or the start of a `Reset`; None when neither kind is given.

    Raises:
        InvalidTargetError: It is malformed.
    """
    if request.HasField("tcp_pose"):
        return decode_pose(request.tcp_pose, f"{field}.tcp_pose")
    if request.HasField("joint_positions"):
        return decode_joints(request.joint_positions, joint_count, f"{field}.joint_positions")
    return None


def decode_gripper(target: control_pb2.GripperTarget, field: str) -> GripperTarget:
    """Converts what the gripper should do.

    Raises:
        InvalidTargetError: Not finite.
    """
    asked = control.decode_gripper(target)
    if not math.isfinite(asked.width + asked.speed + asked.force):
        text = f"{field} is width {asked.width}, speed {asked.speed}, force {asked.force}; every number must be finite"
        raise InvalidTargetError(text, field=field)
    return asked


def decode_client_name(name: str, field: str) -> str:
    """The name that a client shows to others.

    Raises:
        InvalidRequestError: It is empty or too long.
    """
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        text = f"{field} has {len(name)} characters; it needs 1 to {MAX_NAME_LENGTH}"
        raise InvalidRequestError(text, field=field)
    return name


def decode_period_ns(period: duration_pb2.Duration) -> int:
    """Converts to nanoseconds; absent gives 0, which the limits refuse."""
    return period.seconds * 1_000_000_000 + period.nanos


def decode_speed_ratio(ratio: float, field: str) -> float:
    """Returns the fraction of the top speed; 0 means 0.2.

    Raises:
        LimitExceededError: Neither 0 nor in [0.001, 1].
    """
    if ratio != 0.0 and not SLOWEST_RATIO <= ratio <= 1.0:
        raise LimitExceededError.outside(field, ratio, lower=SLOWEST_RATIO, upper=1.0, hint="0 means the default, 0.2")
    return ratio or 0.2


def decode_compliance(message: control_pb2.Compliance, present: FullCompliance) -> FullCompliance:
    """Returns the present compliance with the fields that the message sets.

    Raises:
        LimitExceededError: A value is out of range or not a number.
    """
    asked = control.decode_compliance(message)
    changes: dict[str, float | Triple] = {
        name: value for name in control.COMPLIANCE_FIELDS if (value := getattr(asked, name)) is not None
    }
    changed = replace(present, **changes)  # type: ignore[arg-type]
    if changes:
        require_compliance(changed, lambda name: f"compliance.{control.COMPLIANCE_FIELDS[name]}")
    return changed


def decode_load(message: control_pb2.SetLoad) -> Load:
    """Converts what the arm carries.

    Raises:
        InvalidRequestError: Negative or not finite mass, or an inertia without nine finite values.
    """
    center = geometry.decode_triple(message.center_of_mass_m)
    inertia = tuple(message.inertia_kg_m2) or (0.0,) * 9
    if len(inertia) != 9:
        text = f"set_load.inertia_kg_m2 has {len(inertia)} values; it needs 9 or none"
        raise InvalidRequestError(text, field="set_load.inertia_kg_m2")
    if not math.isfinite(message.mass_kg + sum(center) + sum(inertia)):
        raise InvalidRequestError("set_load holds a value that is not finite", field="set_load")
    if message.mass_kg < 0.0:
        text = f"set_load.mass_kg is {message.mass_kg:g}; it must be at least 0"
        raise InvalidRequestError(text, field="set_load.mass_kg")
    return Load(mass=message.mass_kg, center_of_mass=center, inertia=inertia)
