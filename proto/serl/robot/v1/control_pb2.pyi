import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from serl.robot.v1 import geometry_pb2 as _geometry_pb2
from serl.robot.v1 import observation_pb2 as _observation_pb2
from serl.robot.v1 import state_pb2 as _state_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IncrementBase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCREMENT_BASE_UNSPECIFIED: _ClassVar[IncrementBase]
    INCREMENT_BASE_MEASURED: _ClassVar[IncrementBase]
    INCREMENT_BASE_COMMANDED: _ClassVar[IncrementBase]

class MotionOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MOTION_OUTCOME_UNSPECIFIED: _ClassVar[MotionOutcome]
    MOTION_OUTCOME_RUNNING: _ClassVar[MotionOutcome]
    MOTION_OUTCOME_REACHED: _ClassVar[MotionOutcome]
    MOTION_OUTCOME_PREEMPTED: _ClassVar[MotionOutcome]
    MOTION_OUTCOME_FAILED: _ClassVar[MotionOutcome]

class ClipKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLIP_KIND_UNSPECIFIED: _ClassVar[ClipKind]
    CLIP_KIND_WORKSPACE_POSITION: _ClassVar[ClipKind]
    CLIP_KIND_WORKSPACE_ROTATION: _ClassVar[ClipKind]
    CLIP_KIND_STEP_TRANSLATION: _ClassVar[ClipKind]
    CLIP_KIND_STEP_ROTATION: _ClassVar[ClipKind]
    CLIP_KIND_JOINT_POSITION: _ClassVar[ClipKind]
    CLIP_KIND_JOINT_STEP: _ClassVar[ClipKind]
    CLIP_KIND_FORCE: _ClassVar[ClipKind]
    CLIP_KIND_TORQUE: _ClassVar[ClipKind]
    CLIP_KIND_GRIPPER_WIDTH: _ClassVar[ClipKind]
INCREMENT_BASE_UNSPECIFIED: IncrementBase
INCREMENT_BASE_MEASURED: IncrementBase
INCREMENT_BASE_COMMANDED: IncrementBase
MOTION_OUTCOME_UNSPECIFIED: MotionOutcome
MOTION_OUTCOME_RUNNING: MotionOutcome
MOTION_OUTCOME_REACHED: MotionOutcome
MOTION_OUTCOME_PREEMPTED: MotionOutcome
MOTION_OUTCOME_FAILED: MotionOutcome
CLIP_KIND_UNSPECIFIED: ClipKind
CLIP_KIND_WORKSPACE_POSITION: ClipKind
CLIP_KIND_WORKSPACE_ROTATION: ClipKind
CLIP_KIND_STEP_TRANSLATION: ClipKind
CLIP_KIND_STEP_ROTATION: ClipKind
CLIP_KIND_JOINT_POSITION: ClipKind
CLIP_KIND_JOINT_STEP: ClipKind
CLIP_KIND_FORCE: ClipKind
CLIP_KIND_TORQUE: ClipKind
CLIP_KIND_GRIPPER_WIDTH: ClipKind

class Open(_message.Message):
    __slots__ = ("client_name", "compliance", "session_class", "take_over")
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    COMPLIANCE_FIELD_NUMBER: _ClassVar[int]
    SESSION_CLASS_FIELD_NUMBER: _ClassVar[int]
    TAKE_OVER_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    compliance: Compliance
    session_class: _state_pb2.SessionClass
    take_over: bool
    def __init__(self, client_name: _Optional[str] = ..., compliance: _Optional[_Union[Compliance, _Mapping]] = ..., session_class: _Optional[_Union[_state_pb2.SessionClass, str]] = ..., take_over: _Optional[bool] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("session_number", "command_timeout", "compliance", "observation")
    SESSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMMAND_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    COMPLIANCE_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    session_number: int
    command_timeout: _duration_pb2.Duration
    compliance: Compliance
    observation: _observation_pb2.Observation
    def __init__(self, session_number: _Optional[int] = ..., command_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., compliance: _Optional[_Union[Compliance, _Mapping]] = ..., observation: _Optional[_Union[_observation_pb2.Observation, _Mapping]] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("tcp_pose", "joint_positions", "wrench", "pose_increment", "gripper", "period", "cameras", "encoding")
    TCP_POSE_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    WRENCH_FIELD_NUMBER: _ClassVar[int]
    POSE_INCREMENT_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    tcp_pose: _geometry_pb2.Pose
    joint_positions: JointTarget
    wrench: _geometry_pb2.Wrench
    pose_increment: PoseIncrement
    gripper: GripperTarget
    period: _duration_pb2.Duration
    cameras: _containers.RepeatedScalarFieldContainer[str]
    encoding: _observation_pb2.PixelEncoding
    def __init__(self, tcp_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., joint_positions: _Optional[_Union[JointTarget, _Mapping]] = ..., wrench: _Optional[_Union[_geometry_pb2.Wrench, _Mapping]] = ..., pose_increment: _Optional[_Union[PoseIncrement, _Mapping]] = ..., gripper: _Optional[_Union[GripperTarget, _Mapping]] = ..., period: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cameras: _Optional[_Iterable[str]] = ..., encoding: _Optional[_Union[_observation_pb2.PixelEncoding, str]] = ...) -> None: ...

class Stepped(_message.Message):
    __slots__ = ("applied_target", "clips", "observation", "applied_time_ns", "overrun_ns")
    APPLIED_TARGET_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    APPLIED_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    OVERRUN_NS_FIELD_NUMBER: _ClassVar[int]
    applied_target: AppliedTarget
    clips: _containers.RepeatedCompositeFieldContainer[Clip]
    observation: _observation_pb2.Observation
    applied_time_ns: int
    overrun_ns: int
    def __init__(self, applied_target: _Optional[_Union[AppliedTarget, _Mapping]] = ..., clips: _Optional[_Iterable[_Union[Clip, _Mapping]]] = ..., observation: _Optional[_Union[_observation_pb2.Observation, _Mapping]] = ..., applied_time_ns: _Optional[int] = ..., overrun_ns: _Optional[int] = ...) -> None: ...

class Move(_message.Message):
    __slots__ = ("tcp_pose", "joint_positions", "speed_ratio", "gripper")
    TCP_POSE_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SPEED_RATIO_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_FIELD_NUMBER: _ClassVar[int]
    tcp_pose: _geometry_pb2.Pose
    joint_positions: JointTarget
    speed_ratio: float
    gripper: GripperTarget
    def __init__(self, tcp_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., joint_positions: _Optional[_Union[JointTarget, _Mapping]] = ..., speed_ratio: _Optional[float] = ..., gripper: _Optional[_Union[GripperTarget, _Mapping]] = ...) -> None: ...

class Moved(_message.Message):
    __slots__ = ("outcome", "progress_ratio", "observation", "text")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_RATIO_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    outcome: MotionOutcome
    progress_ratio: float
    observation: _observation_pb2.Observation
    text: str
    def __init__(self, outcome: _Optional[_Union[MotionOutcome, str]] = ..., progress_ratio: _Optional[float] = ..., observation: _Optional[_Union[_observation_pb2.Observation, _Mapping]] = ..., text: _Optional[str] = ...) -> None: ...

class Reset(_message.Message):
    __slots__ = ("tcp_pose", "joint_positions", "seed", "gripper_width_m", "speed_ratio", "cameras", "encoding", "joint_reset", "keep_scene")
    TCP_POSE_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    SPEED_RATIO_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    JOINT_RESET_FIELD_NUMBER: _ClassVar[int]
    KEEP_SCENE_FIELD_NUMBER: _ClassVar[int]
    tcp_pose: _geometry_pb2.Pose
    joint_positions: JointTarget
    seed: int
    gripper_width_m: float
    speed_ratio: float
    cameras: _containers.RepeatedScalarFieldContainer[str]
    encoding: _observation_pb2.PixelEncoding
    joint_reset: bool
    keep_scene: bool
    def __init__(self, tcp_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., joint_positions: _Optional[_Union[JointTarget, _Mapping]] = ..., seed: _Optional[int] = ..., gripper_width_m: _Optional[float] = ..., speed_ratio: _Optional[float] = ..., cameras: _Optional[_Iterable[str]] = ..., encoding: _Optional[_Union[_observation_pb2.PixelEncoding, str]] = ..., joint_reset: _Optional[bool] = ..., keep_scene: _Optional[bool] = ...) -> None: ...

class ResetDone(_message.Message):
    __slots__ = ("observation",)
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    observation: _observation_pb2.Observation
    def __init__(self, observation: _Optional[_Union[_observation_pb2.Observation, _Mapping]] = ...) -> None: ...

class SetCompliance(_message.Message):
    __slots__ = ("compliance",)
    COMPLIANCE_FIELD_NUMBER: _ClassVar[int]
    compliance: Compliance
    def __init__(self, compliance: _Optional[_Union[Compliance, _Mapping]] = ...) -> None: ...

class ComplianceSet(_message.Message):
    __slots__ = ("compliance",)
    COMPLIANCE_FIELD_NUMBER: _ClassVar[int]
    compliance: Compliance
    def __init__(self, compliance: _Optional[_Union[Compliance, _Mapping]] = ...) -> None: ...

class ActivateGripper(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GripperActivating(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetLoad(_message.Message):
    __slots__ = ("mass_kg", "center_of_mass_m", "inertia_kg_m2")
    MASS_KG_FIELD_NUMBER: _ClassVar[int]
    CENTER_OF_MASS_M_FIELD_NUMBER: _ClassVar[int]
    INERTIA_KG_M2_FIELD_NUMBER: _ClassVar[int]
    mass_kg: float
    center_of_mass_m: _geometry_pb2.Vector3
    inertia_kg_m2: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, mass_kg: _Optional[float] = ..., center_of_mass_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., inertia_kg_m2: _Optional[_Iterable[float]] = ...) -> None: ...

class LoadSet(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class JointTarget(_message.Message):
    __slots__ = ("positions_rad",)
    POSITIONS_RAD_FIELD_NUMBER: _ClassVar[int]
    positions_rad: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, positions_rad: _Optional[_Iterable[float]] = ...) -> None: ...

class PoseIncrement(_message.Message):
    __slots__ = ("translation_m", "rotation_rad", "orientation", "added_to", "box", "keep_out")
    TRANSLATION_M_FIELD_NUMBER: _ClassVar[int]
    ROTATION_RAD_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    ADDED_TO_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    KEEP_OUT_FIELD_NUMBER: _ClassVar[int]
    translation_m: _geometry_pb2.Vector3
    rotation_rad: _geometry_pb2.Vector3
    orientation: _geometry_pb2.Quaternion
    added_to: IncrementBase
    box: PoseBox
    keep_out: KeepOutBox
    def __init__(self, translation_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., rotation_rad: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., orientation: _Optional[_Union[_geometry_pb2.Quaternion, _Mapping]] = ..., added_to: _Optional[_Union[IncrementBase, str]] = ..., box: _Optional[_Union[PoseBox, _Mapping]] = ..., keep_out: _Optional[_Union[KeepOutBox, _Mapping]] = ...) -> None: ...

class KeepOutBox(_message.Message):
    __slots__ = ("lower_m", "upper_m")
    LOWER_M_FIELD_NUMBER: _ClassVar[int]
    UPPER_M_FIELD_NUMBER: _ClassVar[int]
    lower_m: _geometry_pb2.Vector3
    upper_m: _geometry_pb2.Vector3
    def __init__(self, lower_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., upper_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ...) -> None: ...

class PoseBox(_message.Message):
    __slots__ = ("center", "lower_m", "upper_m", "rotation_rad")
    CENTER_FIELD_NUMBER: _ClassVar[int]
    LOWER_M_FIELD_NUMBER: _ClassVar[int]
    UPPER_M_FIELD_NUMBER: _ClassVar[int]
    ROTATION_RAD_FIELD_NUMBER: _ClassVar[int]
    center: _geometry_pb2.Pose
    lower_m: _geometry_pb2.Vector3
    upper_m: _geometry_pb2.Vector3
    rotation_rad: _geometry_pb2.Vector3
    def __init__(self, center: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., lower_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., upper_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., rotation_rad: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ...) -> None: ...

class GripperTarget(_message.Message):
    __slots__ = ("width_m", "speed_m_per_s", "force_n")
    WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    SPEED_M_PER_S_FIELD_NUMBER: _ClassVar[int]
    FORCE_N_FIELD_NUMBER: _ClassVar[int]
    width_m: float
    speed_m_per_s: float
    force_n: float
    def __init__(self, width_m: _Optional[float] = ..., speed_m_per_s: _Optional[float] = ..., force_n: _Optional[float] = ...) -> None: ...

class AppliedTarget(_message.Message):
    __slots__ = ("tcp_pose", "joint_positions", "wrench", "gripper")
    TCP_POSE_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    WRENCH_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_FIELD_NUMBER: _ClassVar[int]
    tcp_pose: _geometry_pb2.Pose
    joint_positions: JointTarget
    wrench: _geometry_pb2.Wrench
    gripper: GripperTarget
    def __init__(self, tcp_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., joint_positions: _Optional[_Union[JointTarget, _Mapping]] = ..., wrench: _Optional[_Union[_geometry_pb2.Wrench, _Mapping]] = ..., gripper: _Optional[_Union[GripperTarget, _Mapping]] = ...) -> None: ...

class Clip(_message.Message):
    __slots__ = ("kind", "excess")
    KIND_FIELD_NUMBER: _ClassVar[int]
    EXCESS_FIELD_NUMBER: _ClassVar[int]
    kind: ClipKind
    excess: float
    def __init__(self, kind: _Optional[_Union[ClipKind, str]] = ..., excess: _Optional[float] = ...) -> None: ...

class Compliance(_message.Message):
    __slots__ = ("translational_stiffness_n_per_m", "translational_damping_ns_per_m", "rotational_stiffness_nm_per_rad", "rotational_damping_nms_per_rad", "translational_clip_positive_m", "translational_clip_negative_m", "rotational_clip_positive_rad", "rotational_clip_negative_rad", "nullspace_stiffness_nm_per_rad")
    TRANSLATIONAL_STIFFNESS_N_PER_M_FIELD_NUMBER: _ClassVar[int]
    TRANSLATIONAL_DAMPING_NS_PER_M_FIELD_NUMBER: _ClassVar[int]
    ROTATIONAL_STIFFNESS_NM_PER_RAD_FIELD_NUMBER: _ClassVar[int]
    ROTATIONAL_DAMPING_NMS_PER_RAD_FIELD_NUMBER: _ClassVar[int]
    TRANSLATIONAL_CLIP_POSITIVE_M_FIELD_NUMBER: _ClassVar[int]
    TRANSLATIONAL_CLIP_NEGATIVE_M_FIELD_NUMBER: _ClassVar[int]
    ROTATIONAL_CLIP_POSITIVE_RAD_FIELD_NUMBER: _ClassVar[int]
    ROTATIONAL_CLIP_NEGATIVE_RAD_FIELD_NUMBER: _ClassVar[int]
    NULLSPACE_STIFFNESS_NM_PER_RAD_FIELD_NUMBER: _ClassVar[int]
    translational_stiffness_n_per_m: float
    translational_damping_ns_per_m: float
    rotational_stiffness_nm_per_rad: float
    rotational_damping_nms_per_rad: float
    translational_clip_positive_m: _geometry_pb2.Vector3
    translational_clip_negative_m: _geometry_pb2.Vector3
    rotational_clip_positive_rad: _geometry_pb2.Vector3
    rotational_clip_negative_rad: _geometry_pb2.Vector3
    nullspace_stiffness_nm_per_rad: float
    def __init__(self, translational_stiffness_n_per_m: _Optional[float] = ..., translational_damping_ns_per_m: _Optional[float] = ..., rotational_stiffness_nm_per_rad: _Optional[float] = ..., rotational_damping_nms_per_rad: _Optional[float] = ..., translational_clip_positive_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., translational_clip_negative_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., rotational_clip_positive_rad: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., rotational_clip_negative_rad: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., nullspace_stiffness_nm_per_rad: _Optional[float] = ...) -> None: ...
