"""Converts states of arm and gripper, and faults, between values and messages of `state.proto`."""

from collections.abc import Callable, Iterable

from serl.robot.v1 import state_pb2

from serl_api.codec.geometry import (
    decode_numbers,
    decode_pose,
    decode_twist,
    decode_wrench,
    write_pose,
    write_twist,
    write_wrench,
)
from serl_api.codec.lazy import lazy_decoder
from serl_api.codec.times import decode_timestamp, encode_wall_time
from serl_api.enums import ArmMode, FaultSeverity, FaultSource, GripperMotion, SessionClass
from serl_api.values import ArmState, Fault, GripperState, RobotState


def encode_fault(fault: Fault, onset_wall_ns: int) -> state_pb2.Fault:
    """Converts a fault that began at a time on the wall clock, ns since the Unix epoch."""
    return state_pb2.Fault(
        id=fault.id,
        source=fault.source,  # type: ignore[arg-type]
        severity=fault.severity,  # type: ignore[arg-type]
        onset_time_ns=fault.onset_time_ns,
        onset_time=encode_wall_time(onset_wall_ns),
        text=fault.text,
        clearable=fault.clearable,
        black_box_path=fault.black_box_path,
    )


def decode_faults(messages: Iterable[state_pb2.Fault]) -> tuple[Fault, ...]:
    """Converts to faults in the order given."""
    return tuple(
        Fault(
            id=message.id,
            source=FaultSource(message.source),
            severity=FaultSeverity(message.severity),
            onset_time_ns=message.onset_time_ns,
            text=message.text,
            clearable=message.clearable,
            black_box_path=message.black_box_path,
        )
        for message in messages
    )


def write_gripper_state(message: state_pb2.GripperState, state: GripperState) -> None:
    """Fills in the state of the gripper."""
    message.width_m = state.width
    message.target_width_m = state.target_width
    message.motion = state.motion  # type: ignore[assignment]
    if state.force is not None:
        message.force_n = state.force


def _decode_gripper_state(message: state_pb2.GripperState) -> GripperState:
    return GripperState(
        width=message.width_m,
        target_width=message.target_width_m,
        motion=GripperMotion(message.motion),
        force=message.force_n if message.HasField("force_n") else None,
    )


def write_arm_state(message: state_pb2.RobotState, state: ArmState) -> None:
    """Fills in what the arm itself measures."""
    message.joint_positions_rad.extend(state.joint_positions.tolist())
    message.joint_velocities_rad_per_s.extend(state.joint_velocities.tolist())
    message.joint_torques_nm.extend(state.joint_torques.tolist())
    if state.external_joint_torques is not None:
        message.external_joint_torques_nm.extend(state.external_joint_torques.tolist())
    write_pose(message.tcp_pose, state.tcp_pose)
    write_twist(message.tcp_twist, state.tcp_twist)
    write_wrench(message.external_wrench, state.external_wrench)
    message.jacobian.extend(state.jacobian.ravel().tolist())
    if state.command_success_rate is not None:
        message.command_success_rate = state.command_success_rate


decode_state: Callable[[state_pb2.RobotState], RobotState] = lazy_decoder(
    RobotState,
    {
        "monotonic_time_ns": lambda message: message.monotonic_time_ns,
        "capture_time_s": lambda message: decode_timestamp(message.capture_time),
        "joint_positions": lambda message: decode_numbers(message.joint_positions_rad),
        "joint_velocities": lambda message: decode_numbers(message.joint_velocities_rad_per_s),
        "joint_torques": lambda message: decode_numbers(message.joint_torques_nm),
        "external_joint_torques": lambda message: (
            decode_numbers(message.external_joint_torques_nm) if message.external_joint_torques_nm else None
        ),
        "tcp_pose": lambda message: decode_pose(message.tcp_pose),
        "tcp_twist": lambda message: decode_twist(message.tcp_twist),
        "external_wrench": lambda message: decode_wrench(message.external_wrench),
        "jacobian": lambda message: decode_numbers(message.jacobian).reshape(6, -1),
        "command_success_rate": lambda message: (
            message.command_success_rate if message.HasField("command_success_rate") else None
        ),
        "gripper": lambda message: _decode_gripper_state(message.gripper) if message.HasField("gripper") else None,
        "mode": lambda message: ArmMode(message.mode),
        "faults": lambda message: decode_faults(message.faults),
        "stop_latched": lambda message: message.stop_latched,
        "control_holder": lambda message: message.control_holder,
        "applied_sequence_number": lambda message: message.applied_sequence_number,
        "applied_time_ns": lambda message: message.applied_time_ns,
        "armed_estops": lambda message: tuple(message.armed_estops),
        "control_session_number": lambda message: message.control_session_number,
        "control_class": lambda message: SessionClass(message.control_class),
    },
)
"""Converts to one state; its fields are decoded when they are first read."""
