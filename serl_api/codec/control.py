"""Converts targets, compliance and outcomes of control between values and messages of `control.proto`.

What a daemon reads of a request goes through `requests`, which checks every number.
"""

from typing import Any

import numpy as np
from serl.robot.v1 import control_pb2, geometry_pb2

from serl_api.codec.geometry import (
    decode_numbers,
    decode_pose,
    decode_triple,
    decode_wrench,
    encode_pose,
    encode_quaternion,
    encode_vector,
    write_pose,
    write_wrench,
)
from serl_api.codec.observation import decode_observation
from serl_api.enums import ClipKind, MotionOutcome
from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.pose_increment import PoseIncrement
from serl_api.values import (
    Clip,
    Compliance,
    GripperTarget,
    JointTarget,
    Load,
    MotionProgress,
    Pose,
    StepResult,
    Target,
    WrenchTarget,
)

COMPLIANCE_FIELDS = {
    "translational_stiffness": "translational_stiffness_n_per_m",
    "translational_damping": "translational_damping_ns_per_m",
    "rotational_stiffness": "rotational_stiffness_nm_per_rad",
    "rotational_damping": "rotational_damping_nms_per_rad",
    "translational_clip_positive": "translational_clip_positive_m",
    "translational_clip_negative": "translational_clip_negative_m",
    "rotational_clip_positive": "rotational_clip_positive_rad",
    "rotational_clip_negative": "rotational_clip_negative_rad",
    "nullspace_stiffness": "nullspace_stiffness_nm_per_rad",
}
"""Fields of the message by field of `Compliance`: a number or three."""


def encode_compliance(compliance: Compliance) -> control_pb2.Compliance:
    """Converts an impedance; fields that are None stay absent."""
    fields: dict[str, Any] = {}
    for name, field in COMPLIANCE_FIELDS.items():
        value = getattr(compliance, name)
        fields[field] = encode_vector(value) if isinstance(value, tuple) else value
    return control_pb2.Compliance(**fields)


def decode_compliance(message: control_pb2.Compliance) -> Compliance:
    """Converts to an impedance; absent fields become None."""
    fields: dict[str, Any] = {}
    for name, field in COMPLIANCE_FIELDS.items():
        if message.HasField(field):
            value = getattr(message, field)
            fields[name] = decode_triple(value) if isinstance(value, geometry_pb2.Vector3) else value
    return Compliance(**fields)


def encode_joints(target: JointTarget) -> control_pb2.JointTarget:
    """Converts joint positions of any number; the daemon refuses a wrong one."""
    return control_pb2.JointTarget(positions_rad=np.asarray(target.positions, float).ravel().tolist())


def encode_wrench(target: WrenchTarget) -> geometry_pb2.Wrench:
    """Converts a wrench to exert.

    Raises:
        ValueError: Its shape is not (6,).
    """
    wrench = np.asarray(target.wrench, float)
    if wrench.shape != (6,):
        raise ValueError(f"a wrench needs shape (6,): force, torque; not {wrench.shape}")
    return geometry_pb2.Wrench(force=encode_vector(wrench[:3].tolist()), torque=encode_vector(wrench[3:].tolist()))


def encode_pose_box(box: PoseBox) -> control_pb2.PoseBox:
    """Converts bounds of poses."""
    return control_pb2.PoseBox(
        center=encode_pose(box.center),
        lower_m=encode_vector(box.lower),
        upper_m=encode_vector(box.upper),
        rotation_rad=encode_vector(box.rotation),
    )


def encode_increment(increment: PoseIncrement) -> control_pb2.PoseIncrement:
    """Converts an increment on a pose. Shapes are checked here; NaN and norm are the daemon's to refuse.

    Raises:
        ValueError: A part has a wrong shape, or there are both a rotation and an orientation.
    """
    message = control_pb2.PoseIncrement(
        translation_m=encode_vector(increment.translation.tolist()),
        added_to=increment.added_to,  # type: ignore[arg-type]
        box=None if increment.box is None else encode_pose_box(increment.box),
        keep_out=None if increment.keep_out is None else _encode_keep_out(increment.keep_out),
    )
    if increment.rotation is not None:
        if increment.quaternion_xyzw is not None:
            raise ValueError("an increment turns by a rotation or keeps an orientation, not both; leave one out")
        message.rotation_rad.CopyFrom(encode_vector(increment.rotation.tolist()))
    elif increment.quaternion_xyzw is not None:
        message.orientation.CopyFrom(encode_quaternion(increment.quaternion_xyzw))
    return message


def _encode_keep_out(box: KeepOut) -> control_pb2.KeepOutBox:
    return control_pb2.KeepOutBox(lower_m=encode_vector(box.lower), upper_m=encode_vector(box.upper))


def write_target(
    request: control_pb2.Step | control_pb2.Move | control_pb2.Reset, target: Target | PoseIncrement | None
) -> None:
    """Fills in what to track or where to go; None leaves it unset.

    Raises:
        ValueError: The target has a wrong shape.
        TypeError: A wrench or an increment is no goal to move to.
    """
    if isinstance(target, Pose):
        request.tcp_pose.CopyFrom(encode_pose(target))
    elif isinstance(target, JointTarget):
        request.joint_positions.CopyFrom(encode_joints(target))
    elif target is not None:
        if not isinstance(request, control_pb2.Step):
            kind = "a wrench" if isinstance(target, WrenchTarget) else "an increment"
            raise TypeError(f"{kind} is no goal to move to; send it with ControlSession.step")
        if isinstance(target, PoseIncrement):
            request.pose_increment.CopyFrom(encode_increment(target))
        else:
            request.wrench.CopyFrom(encode_wrench(target))


def encode_gripper(target: GripperTarget) -> control_pb2.GripperTarget:
    """Converts what the gripper should do."""
    return control_pb2.GripperTarget(width_m=target.width, speed_m_per_s=target.speed, force_n=target.force)


def decode_gripper(message: control_pb2.GripperTarget) -> GripperTarget:
    """Converts to what the gripper should do."""
    return GripperTarget(width=message.width_m, speed=message.speed_m_per_s, force=message.force_n)


def encode_load(load: Load) -> control_pb2.SetLoad:
    """Converts what the arm carries."""
    return control_pb2.SetLoad(
        mass_kg=load.mass, center_of_mass_m=encode_vector(load.center_of_mass), inertia_kg_m2=load.inertia
    )


def write_applied(message: control_pb2.AppliedTarget, target: Target | None, gripper: GripperTarget | None) -> None:
    """Fills in the targets that took effect; None of either kind is left unset."""
    if isinstance(target, Pose):
        write_pose(message.tcp_pose, target)
    elif isinstance(target, JointTarget):
        message.joint_positions.positions_rad.extend(target.positions.tolist())
    elif target is not None:
        write_wrench(message.wrench, target.wrench)
    if gripper is not None:
        message.gripper.width_m = gripper.width
        message.gripper.speed_m_per_s = gripper.speed
        message.gripper.force_n = gripper.force


def _decode_applied(message: control_pb2.AppliedTarget) -> Target | None:
    match message.WhichOneof("target"):
        case "tcp_pose":
            return decode_pose(message.tcp_pose)
        case "joint_positions":
            return JointTarget(decode_numbers(message.joint_positions.positions_rad))
        case "wrench":
            return WrenchTarget(decode_wrench(message.wrench))
        case _:
            return None


def encode_clip(clip: Clip) -> control_pb2.Clip:
    """Converts a limit that changed a target."""
    return control_pb2.Clip(kind=clip.kind, excess=clip.excess)  # type: ignore[arg-type]


def decode_step(message: control_pb2.Stepped) -> StepResult:
    """Converts to the end of a control period."""
    applied = message.applied_target
    return StepResult(
        observation=decode_observation(message.observation),
        applied_target=_decode_applied(applied),
        applied_gripper=decode_gripper(applied.gripper) if applied.HasField("gripper") else None,
        clips=tuple(Clip(kind=ClipKind(clip.kind), excess=clip.excess) for clip in message.clips),
        applied_time_ns=message.applied_time_ns,
        overrun_ns=message.overrun_ns,
    )


def decode_progress(message: control_pb2.Moved) -> MotionProgress:
    """Converts to how a motion stands."""
    return MotionProgress(
        outcome=MotionOutcome(message.outcome),
        progress_ratio=message.progress_ratio,
        observation=decode_observation(message.observation),
        text=message.text,
    )
