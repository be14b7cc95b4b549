import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from serl.robot.v1 import geometry_pb2 as _geometry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SessionClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SESSION_CLASS_UNSPECIFIED: _ClassVar[SessionClass]
    SESSION_CLASS_LEARNER: _ClassVar[SessionClass]
    SESSION_CLASS_OPERATOR: _ClassVar[SessionClass]

class ArmMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARM_MODE_UNSPECIFIED: _ClassVar[ArmMode]
    ARM_MODE_IDLE: _ClassVar[ArmMode]
    ARM_MODE_CONTROLLED: _ClassVar[ArmMode]
    ARM_MODE_HOLDING: _ClassVar[ArmMode]
    ARM_MODE_MOVING: _ClassVar[ArmMode]
    ARM_MODE_STOPPED: _ClassVar[ArmMode]
    ARM_MODE_FAULTED: _ClassVar[ArmMode]
    ARM_MODE_DISCONNECTED: _ClassVar[ArmMode]
    ARM_MODE_GUIDED: _ClassVar[ArmMode]

class GripperMotion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRIPPER_MOTION_UNSPECIFIED: _ClassVar[GripperMotion]
    GRIPPER_MOTION_INACTIVE: _ClassVar[GripperMotion]
    GRIPPER_MOTION_MOVING: _ClassVar[GripperMotion]
    GRIPPER_MOTION_AT_TARGET: _ClassVar[GripperMotion]
    GRIPPER_MOTION_OBJECT_HELD: _ClassVar[GripperMotion]
    GRIPPER_MOTION_FAULTED: _ClassVar[GripperMotion]

class FaultSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAULT_SOURCE_UNSPECIFIED: _ClassVar[FaultSource]
    FAULT_SOURCE_ARM: _ClassVar[FaultSource]
    FAULT_SOURCE_GRIPPER: _ClassVar[FaultSource]
    FAULT_SOURCE_CAMERA: _ClassVar[FaultSource]
    FAULT_SOURCE_DAEMON: _ClassVar[FaultSource]

class FaultSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAULT_SEVERITY_UNSPECIFIED: _ClassVar[FaultSeverity]
    FAULT_SEVERITY_WARNING: _ClassVar[FaultSeverity]
    FAULT_SEVERITY_CRITICAL: _ClassVar[FaultSeverity]
SESSION_CLASS_UNSPECIFIED: SessionClass
SESSION_CLASS_LEARNER: SessionClass
SESSION_CLASS_OPERATOR: SessionClass
ARM_MODE_UNSPECIFIED: ArmMode
ARM_MODE_IDLE: ArmMode
ARM_MODE_CONTROLLED: ArmMode
ARM_MODE_HOLDING: ArmMode
ARM_MODE_MOVING: ArmMode
ARM_MODE_STOPPED: ArmMode
ARM_MODE_FAULTED: ArmMode
ARM_MODE_DISCONNECTED: ArmMode
ARM_MODE_GUIDED: ArmMode
GRIPPER_MOTION_UNSPECIFIED: GripperMotion
GRIPPER_MOTION_INACTIVE: GripperMotion
GRIPPER_MOTION_MOVING: GripperMotion
GRIPPER_MOTION_AT_TARGET: GripperMotion
GRIPPER_MOTION_OBJECT_HELD: GripperMotion
GRIPPER_MOTION_FAULTED: GripperMotion
FAULT_SOURCE_UNSPECIFIED: FaultSource
FAULT_SOURCE_ARM: FaultSource
FAULT_SOURCE_GRIPPER: FaultSource
FAULT_SOURCE_CAMERA: FaultSource
FAULT_SOURCE_DAEMON: FaultSource
FAULT_SEVERITY_UNSPECIFIED: FaultSeverity
FAULT_SEVERITY_WARNING: FaultSeverity
FAULT_SEVERITY_CRITICAL: FaultSeverity

class RobotState(_message.Message):
    __slots__ = ("monotonic_time_ns", "capture_time", "joint_positions_rad", "joint_velocities_rad_per_s", "joint_torques_nm", "external_joint_torques_nm", "tcp_pose", "tcp_twist", "external_wrench", "jacobian", "gripper", "mode", "faults", "stop_latched", "control_holder", "applied_sequence_number", "applied_time_ns", "armed_estops", "control_session_number", "control_class", "command_success_rate")
    MONOTONIC_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITIONS_RAD_FIELD_NUMBER: _ClassVar[int]
    JOINT_VELOCITIES_RAD_PER_S_FIELD_NUMBER: _ClassVar[int]
    JOINT_TORQUES_NM_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_JOINT_TORQUES_NM_FIELD_NUMBER: _ClassVar[int]
    TCP_POSE_FIELD_NUMBER: _ClassVar[int]
    TCP_TWIST_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_WRENCH_FIELD_NUMBER: _ClassVar[int]
    JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    STOP_LATCHED_FIELD_NUMBER: _ClassVar[int]
    CONTROL_HOLDER_FIELD_NUMBER: _ClassVar[int]
    APPLIED_SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    APPLIED_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    ARMED_ESTOPS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_SESSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CONTROL_CLASS_FIELD_NUMBER: _ClassVar[int]
    COMMAND_SUCCESS_RATE_FIELD_NUMBER: _ClassVar[int]
    monotonic_time_ns: int
    capture_time: _timestamp_pb2.Timestamp
    joint_positions_rad: _containers.RepeatedScalarFieldContainer[float]
    joint_velocities_rad_per_s: _containers.RepeatedScalarFieldContainer[float]
    joint_torques_nm: _containers.RepeatedScalarFieldContainer[float]
    external_joint_torques_nm: _containers.RepeatedScalarFieldContainer[float]
    tcp_pose: _geometry_pb2.Pose
    tcp_twist: _geometry_pb2.Twist
    external_wrench: _geometry_pb2.Wrench
    jacobian: _containers.RepeatedScalarFieldContainer[float]
    gripper: GripperState
    mode: ArmMode
    faults: _containers.RepeatedCompositeFieldContainer[Fault]
    stop_latched: bool
    control_holder: str
    applied_sequence_number: int
    applied_time_ns: int
    armed_estops: _containers.RepeatedScalarFieldContainer[str]
    control_session_number: int
    control_class: SessionClass
    command_success_rate: float
    def __init__(self, monotonic_time_ns: _Optional[int] = ..., capture_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., joint_positions_rad: _Optional[_Iterable[float]] = ..., joint_velocities_rad_per_s: _Optional[_Iterable[float]] = ..., joint_torques_nm: _Optional[_Iterable[float]] = ..., external_joint_torques_nm: _Optional[_Iterable[float]] = ..., tcp_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., tcp_twist: _Optional[_Union[_geometry_pb2.Twist, _Mapping]] = ..., external_wrench: _Optional[_Union[_geometry_pb2.Wrench, _Mapping]] = ..., jacobian: _Optional[_Iterable[float]] = ..., gripper: _Optional[_Union[GripperState, _Mapping]] = ..., mode: _Optional[_Union[ArmMode, str]] = ..., faults: _Optional[_Iterable[_Union[Fault, _Mapping]]] = ..., stop_latched: _Optional[bool] = ..., control_holder: _Optional[str] = ..., applied_sequence_number: _Optional[int] = ..., applied_time_ns: _Optional[int] = ..., armed_estops: _Optional[_Iterable[str]] = ..., control_session_number: _Optional[int] = ..., control_class: _Optional[_Union[SessionClass, str]] = ..., command_success_rate: _Optional[float] = ...) -> None: ...

class GripperState(_message.Message):
    __slots__ = ("width_m", "target_width_m", "motion", "force_n")
    WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    TARGET_WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    MOTION_FIELD_NUMBER: _ClassVar[int]
    FORCE_N_FIELD_NUMBER: _ClassVar[int]
    width_m: float
    target_width_m: float
    motion: GripperMotion
    force_n: float
    def __init__(self, width_m: _Optional[float] = ..., target_width_m: _Optional[float] = ..., motion: _Optional[_Union[GripperMotion, str]] = ..., force_n: _Optional[float] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("id", "source", "severity", "onset_time_ns", "onset_time", "text", "clearable", "black_box_path")
    ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ONSET_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    ONSET_TIME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CLEARABLE_FIELD_NUMBER: _ClassVar[int]
    BLACK_BOX_PATH_FIELD_NUMBER: _ClassVar[int]
    id: str
    source: FaultSource
    severity: FaultSeverity
    onset_time_ns: int
    onset_time: _timestamp_pb2.Timestamp
    text: str
    clearable: bool
    black_box_path: str
    def __init__(self, id: _Optional[str] = ..., source: _Optional[_Union[FaultSource, str]] = ..., severity: _Optional[_Union[FaultSeverity, str]] = ..., onset_time_ns: _Optional[int] = ..., onset_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., text: _Optional[str] = ..., clearable: _Optional[bool] = ..., black_box_path: _Optional[str] = ...) -> None: ...
