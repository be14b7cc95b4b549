import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from serl.robot.v1 import camera_service_pb2 as _camera_service_pb2
from serl.robot.v1 import control_pb2 as _control_pb2
from serl.robot.v1 import geometry_pb2 as _geometry_pb2
from serl.robot.v1 import state_pb2 as _state_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Backend(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BACKEND_UNSPECIFIED: _ClassVar[Backend]
    BACKEND_REAL: _ClassVar[Backend]
    BACKEND_SIMULATED: _ClassVar[Backend]
    BACKEND_FAKE: _ClassVar[Backend]

class Pacing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PACING_UNSPECIFIED: _ClassVar[Pacing]
    PACING_REAL_TIME: _ClassVar[Pacing]
    PACING_LOCKSTEP: _ClassVar[Pacing]

class ControlMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTROL_MODE_UNSPECIFIED: _ClassVar[ControlMode]
    CONTROL_MODE_CARTESIAN_IMPEDANCE: _ClassVar[ControlMode]
    CONTROL_MODE_JOINT_IMPEDANCE: _ClassVar[ControlMode]
    CONTROL_MODE_WRENCH: _ClassVar[ControlMode]
BACKEND_UNSPECIFIED: Backend
BACKEND_REAL: Backend
BACKEND_SIMULATED: Backend
BACKEND_FAKE: Backend
PACING_UNSPECIFIED: Pacing
PACING_REAL_TIME: Pacing
PACING_LOCKSTEP: Pacing
CONTROL_MODE_UNSPECIFIED: ControlMode
CONTROL_MODE_CARTESIAN_IMPEDANCE: ControlMode
CONTROL_MODE_JOINT_IMPEDANCE: ControlMode
CONTROL_MODE_WRENCH: ControlMode

class GetInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInfoResponse(_message.Message):
    __slots__ = ("cell_name", "daemon_version", "boot_id", "backend", "pacing", "arm", "gripper", "cameras", "limits", "command_timeout", "task", "default_compliance")
    CELL_NAME_FIELD_NUMBER: _ClassVar[int]
    DAEMON_VERSION_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    PACING_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    COMMAND_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_COMPLIANCE_FIELD_NUMBER: _ClassVar[int]
    cell_name: str
    daemon_version: str
    boot_id: str
    backend: Backend
    pacing: Pacing
    arm: ArmInfo
    gripper: GripperInfo
    cameras: _containers.RepeatedCompositeFieldContainer[_camera_service_pb2.CameraInfo]
    limits: Limits
    command_timeout: _duration_pb2.Duration
    task: str
    default_compliance: _control_pb2.Compliance
    def __init__(self, cell_name: _Optional[str] = ..., daemon_version: _Optional[str] = ..., boot_id: _Optional[str] = ..., backend: _Optional[_Union[Backend, str]] = ..., pacing: _Optional[_Union[Pacing, str]] = ..., arm: _Optional[_Union[ArmInfo, _Mapping]] = ..., gripper: _Optional[_Union[GripperInfo, _Mapping]] = ..., cameras: _Optional[_Iterable[_Union[_camera_service_pb2.CameraInfo, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., command_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., task: _Optional[str] = ..., default_compliance: _Optional[_Union[_control_pb2.Compliance, _Mapping]] = ...) -> None: ...

class ArmInfo(_message.Message):
    __slots__ = ("model", "joint_count", "joint_lower_rad", "joint_upper_rad", "joint_speed_rad_per_s", "home_rad", "home_tcp_pose", "control_modes")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    JOINT_COUNT_FIELD_NUMBER: _ClassVar[int]
    JOINT_LOWER_RAD_FIELD_NUMBER: _ClassVar[int]
    JOINT_UPPER_RAD_FIELD_NUMBER: _ClassVar[int]
    JOINT_SPEED_RAD_PER_S_FIELD_NUMBER: _ClassVar[int]
    HOME_RAD_FIELD_NUMBER: _ClassVar[int]
    HOME_TCP_POSE_FIELD_NUMBER: _ClassVar[int]
    CONTROL_MODES_FIELD_NUMBER: _ClassVar[int]
    model: str
    joint_count: int
    joint_lower_rad: _containers.RepeatedScalarFieldContainer[float]
    joint_upper_rad: _containers.RepeatedScalarFieldContainer[float]
    joint_speed_rad_per_s: _containers.RepeatedScalarFieldContainer[float]
    home_rad: _containers.RepeatedScalarFieldContainer[float]
    home_tcp_pose: _geometry_pb2.Pose
    control_modes: _containers.RepeatedScalarFieldContainer[ControlMode]
    def __init__(self, model: _Optional[str] = ..., joint_count: _Optional[int] = ..., joint_lower_rad: _Optional[_Iterable[float]] = ..., joint_upper_rad: _Optional[_Iterable[float]] = ..., joint_speed_rad_per_s: _Optional[_Iterable[float]] = ..., home_rad: _Optional[_Iterable[float]] = ..., home_tcp_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., control_modes: _Optional[_Iterable[_Union[ControlMode, str]]] = ...) -> None: ...

class GripperInfo(_message.Message):
    __slots__ = ("model", "max_width_m", "max_force_n", "max_speed_m_per_s")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MAX_WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    MAX_FORCE_N_FIELD_NUMBER: _ClassVar[int]
    MAX_SPEED_M_PER_S_FIELD_NUMBER: _ClassVar[int]
    model: str
    max_width_m: float
    max_force_n: float
    max_speed_m_per_s: float
    def __init__(self, model: _Optional[str] = ..., max_width_m: _Optional[float] = ..., max_force_n: _Optional[float] = ..., max_speed_m_per_s: _Optional[float] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("workspace_lower_m", "workspace_upper_m", "workspace_orientation", "workspace_rotation_rad", "step_translation_m", "step_rotation_rad", "force_n", "torque_nm", "contact_force_n", "min_period", "max_period")
    WORKSPACE_LOWER_M_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_UPPER_M_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_ROTATION_RAD_FIELD_NUMBER: _ClassVar[int]
    STEP_TRANSLATION_M_FIELD_NUMBER: _ClassVar[int]
    STEP_ROTATION_RAD_FIELD_NUMBER: _ClassVar[int]
    FORCE_N_FIELD_NUMBER: _ClassVar[int]
    TORQUE_NM_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FORCE_N_FIELD_NUMBER: _ClassVar[int]
    MIN_PERIOD_FIELD_NUMBER: _ClassVar[int]
    MAX_PERIOD_FIELD_NUMBER: _ClassVar[int]
    workspace_lower_m: _geometry_pb2.Vector3
    workspace_upper_m: _geometry_pb2.Vector3
    workspace_orientation: _geometry_pb2.Quaternion
    workspace_rotation_rad: float
    step_translation_m: float
    step_rotation_rad: float
    force_n: float
    torque_nm: float
    contact_force_n: float
    min_period: _duration_pb2.Duration
    max_period: _duration_pb2.Duration
    def __init__(self, workspace_lower_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., workspace_upper_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., workspace_orientation: _Optional[_Union[_geometry_pb2.Quaternion, _Mapping]] = ..., workspace_rotation_rad: _Optional[float] = ..., step_translation_m: _Optional[float] = ..., step_rotation_rad: _Optional[float] = ..., force_n: _Optional[float] = ..., torque_nm: _Optional[float] = ..., contact_force_n: _Optional[float] = ..., min_period: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_period: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GetStateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStateResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: _state_pb2.RobotState
    def __init__(self, state: _Optional[_Union[_state_pb2.RobotState, _Mapping]] = ...) -> None: ...

class StreamStateRequest(_message.Message):
    __slots__ = ("rate_hz",)
    RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    rate_hz: float
    def __init__(self, rate_hz: _Optional[float] = ...) -> None: ...

class StreamStateResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: _state_pb2.RobotState
    def __init__(self, state: _Optional[_Union[_state_pb2.RobotState, _Mapping]] = ...) -> None: ...

class ControlRequest(_message.Message):
    __slots__ = ("sequence_number", "open", "step", "move", "reset", "set_compliance", "activate_gripper", "set_load")
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    MOVE_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    SET_COMPLIANCE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATE_GRIPPER_FIELD_NUMBER: _ClassVar[int]
    SET_LOAD_FIELD_NUMBER: _ClassVar[int]
    sequence_number: int
    open: _control_pb2.Open
    step: _control_pb2.Step
    move: _control_pb2.Move
    reset: _control_pb2.Reset
    set_compliance: _control_pb2.SetCompliance
    activate_gripper: _control_pb2.ActivateGripper
    set_load: _control_pb2.SetLoad
    def __init__(self, sequence_number: _Optional[int] = ..., open: _Optional[_Union[_control_pb2.Open, _Mapping]] = ..., step: _Optional[_Union[_control_pb2.Step, _Mapping]] = ..., move: _Optional[_Union[_control_pb2.Move, _Mapping]] = ..., reset: _Optional[_Union[_control_pb2.Reset, _Mapping]] = ..., set_compliance: _Optional[_Union[_control_pb2.SetCompliance, _Mapping]] = ..., activate_gripper: _Optional[_Union[_control_pb2.ActivateGripper, _Mapping]] = ..., set_load: _Optional[_Union[_control_pb2.SetLoad, _Mapping]] = ...) -> None: ...

class ControlResponse(_message.Message):
    __slots__ = ("sequence_number", "opened", "stepped", "moved", "reset_done", "compliance_set", "gripper_activating", "load_set")
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    STEPPED_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    RESET_DONE_FIELD_NUMBER: _ClassVar[int]
    COMPLIANCE_SET_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_ACTIVATING_FIELD_NUMBER: _ClassVar[int]
    LOAD_SET_FIELD_NUMBER: _ClassVar[int]
    sequence_number: int
    opened: _control_pb2.Opened
    stepped: _control_pb2.Stepped
    moved: _control_pb2.Moved
    reset_done: _control_pb2.ResetDone
    compliance_set: _control_pb2.ComplianceSet
    gripper_activating: _control_pb2.GripperActivating
    load_set: _control_pb2.LoadSet
    def __init__(self, sequence_number: _Optional[int] = ..., opened: _Optional[_Union[_control_pb2.Opened, _Mapping]] = ..., stepped: _Optional[_Union[_control_pb2.Stepped, _Mapping]] = ..., moved: _Optional[_Union[_control_pb2.Moved, _Mapping]] = ..., reset_done: _Optional[_Union[_control_pb2.ResetDone, _Mapping]] = ..., compliance_set: _Optional[_Union[_control_pb2.ComplianceSet, _Mapping]] = ..., gripper_activating: _Optional[_Union[_control_pb2.GripperActivating, _Mapping]] = ..., load_set: _Optional[_Union[_control_pb2.LoadSet, _Mapping]] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("client_name", "text")
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    text: str
    def __init__(self, client_name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: _state_pb2.RobotState
    def __init__(self, state: _Optional[_Union[_state_pb2.RobotState, _Mapping]] = ...) -> None: ...

class EStopRequest(_message.Message):
    __slots__ = ("arm", "challenge", "press", "release")
    ARM_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    PRESS_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    arm: ArmEStop
    challenge: int
    press: PressEStop
    release: ReleaseEStop
    def __init__(self, arm: _Optional[_Union[ArmEStop, _Mapping]] = ..., challenge: _Optional[int] = ..., press: _Optional[_Union[PressEStop, _Mapping]] = ..., release: _Optional[_Union[ReleaseEStop, _Mapping]] = ...) -> None: ...

class ArmEStop(_message.Message):
    __slots__ = ("client_name", "timeout")
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    timeout: _duration_pb2.Duration
    def __init__(self, client_name: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PressEStop(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class ReleaseEStop(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EStopResponse(_message.Message):
    __slots__ = ("challenge", "mode", "stop_latched", "control_holder")
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    STOP_LATCHED_FIELD_NUMBER: _ClassVar[int]
    CONTROL_HOLDER_FIELD_NUMBER: _ClassVar[int]
    challenge: int
    mode: _state_pb2.ArmMode
    stop_latched: bool
    control_holder: str
    def __init__(self, challenge: _Optional[int] = ..., mode: _Optional[_Union[_state_pb2.ArmMode, str]] = ..., stop_latched: _Optional[bool] = ..., control_holder: _Optional[str] = ...) -> None: ...

class ClearStopRequest(_message.Message):
    __slots__ = ("client_name",)
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    def __init__(self, client_name: _Optional[str] = ...) -> None: ...

class ClearStopResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: _state_pb2.RobotState
    def __init__(self, state: _Optional[_Union[_state_pb2.RobotState, _Mapping]] = ...) -> None: ...

class RecoverFromFaultRequest(_message.Message):
    __slots__ = ("fault_ids", "client_name")
    FAULT_IDS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    fault_ids: _containers.RepeatedScalarFieldContainer[str]
    client_name: str
    def __init__(self, fault_ids: _Optional[_Iterable[str]] = ..., client_name: _Optional[str] = ...) -> None: ...

class RecoverFromFaultResponse(_message.Message):
    __slots__ = ("cleared_faults", "remaining_faults")
    CLEARED_FAULTS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FAULTS_FIELD_NUMBER: _ClassVar[int]
    cleared_faults: _containers.RepeatedCompositeFieldContainer[_state_pb2.Fault]
    remaining_faults: _containers.RepeatedCompositeFieldContainer[_state_pb2.Fault]
    def __init__(self, cleared_faults: _Optional[_Iterable[_Union[_state_pb2.Fault, _Mapping]]] = ..., remaining_faults: _Optional[_Iterable[_Union[_state_pb2.Fault, _Mapping]]] = ...) -> None: ...

class SyncTimeRequest(_message.Message):
    __slots__ = ("client_send_time_ns",)
    CLIENT_SEND_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    client_send_time_ns: int
    def __init__(self, client_send_time_ns: _Optional[int] = ...) -> None: ...

class SyncTimeResponse(_message.Message):
    __slots__ = ("client_send_time_ns", "daemon_receive_time_ns", "daemon_send_time_ns", "daemon_wall_time")
    CLIENT_SEND_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    DAEMON_RECEIVE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    DAEMON_SEND_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    DAEMON_WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    client_send_time_ns: int
    daemon_receive_time_ns: int
    daemon_send_time_ns: int
    daemon_wall_time: _timestamp_pb2.Timestamp
    def __init__(self, client_send_time_ns: _Optional[int] = ..., daemon_receive_time_ns: _Optional[int] = ..., daemon_send_time_ns: _Optional[int] = ..., daemon_wall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListFaultsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListFaultsResponse(_message.Message):
    __slots__ = ("active_faults", "cleared_faults")
    ACTIVE_FAULTS_FIELD_NUMBER: _ClassVar[int]
    CLEARED_FAULTS_FIELD_NUMBER: _ClassVar[int]
    active_faults: _containers.RepeatedCompositeFieldContainer[_state_pb2.Fault]
    cleared_faults: _containers.RepeatedCompositeFieldContainer[_state_pb2.Fault]
    def __init__(self, active_faults: _Optional[_Iterable[_Union[_state_pb2.Fault, _Mapping]]] = ..., cleared_faults: _Optional[_Iterable[_Union[_state_pb2.Fault, _Mapping]]] = ...) -> None: ...
