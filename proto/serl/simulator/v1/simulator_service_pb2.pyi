import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from serl.robot.v1 import geometry_pb2 as _geometry_pb2
from serl.robot.v1 import observation_pb2 as _observation_pb2
from serl.robot.v1 import robot_service_pb2 as _robot_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListTasksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "loaded_task")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    LOADED_TASK_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskInfo]
    loaded_task: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[TaskInfo, _Mapping]]] = ..., loaded_task: _Optional[str] = ...) -> None: ...

class TaskInfo(_message.Message):
    __slots__ = ("name", "text", "tracked_objects", "cameras")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TRACKED_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    tracked_objects: _containers.RepeatedScalarFieldContainer[str]
    cameras: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., tracked_objects: _Optional[_Iterable[str]] = ..., cameras: _Optional[_Iterable[str]] = ...) -> None: ...

class LoadTaskRequest(_message.Message):
    __slots__ = ("name", "seed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    name: str
    seed: int
    def __init__(self, name: _Optional[str] = ..., seed: _Optional[int] = ...) -> None: ...

class LoadTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: TaskInfo
    def __init__(self, task: _Optional[_Union[TaskInfo, _Mapping]] = ...) -> None: ...

class SetSeedRequest(_message.Message):
    __slots__ = ("seed",)
    SEED_FIELD_NUMBER: _ClassVar[int]
    seed: int
    def __init__(self, seed: _Optional[int] = ...) -> None: ...

class SetSeedResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetGroundTruthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetGroundTruthResponse(_message.Message):
    __slots__ = ("objects", "contacts", "simulated_time_ns", "scene_seed")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SCENE_SEED_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[_observation_pb2.TrackedObject]
    contacts: _containers.RepeatedCompositeFieldContainer[ContactPair]
    simulated_time_ns: int
    scene_seed: int
    def __init__(self, objects: _Optional[_Iterable[_Union[_observation_pb2.TrackedObject, _Mapping]]] = ..., contacts: _Optional[_Iterable[_Union[ContactPair, _Mapping]]] = ..., simulated_time_ns: _Optional[int] = ..., scene_seed: _Optional[int] = ...) -> None: ...

class ContactPair(_message.Message):
    __slots__ = ("first_body", "second_body", "normal_force_n")
    FIRST_BODY_FIELD_NUMBER: _ClassVar[int]
    SECOND_BODY_FIELD_NUMBER: _ClassVar[int]
    NORMAL_FORCE_N_FIELD_NUMBER: _ClassVar[int]
    first_body: str
    second_body: str
    normal_force_n: float
    def __init__(self, first_body: _Optional[str] = ..., second_body: _Optional[str] = ..., normal_force_n: _Optional[float] = ...) -> None: ...

class RenderViewRequest(_message.Message):
    __slots__ = ("camera", "orbit", "width_px", "height_px")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    ORBIT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    camera: str
    orbit: OrbitView
    width_px: int
    height_px: int
    def __init__(self, camera: _Optional[str] = ..., orbit: _Optional[_Union[OrbitView, _Mapping]] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ...) -> None: ...

class OrbitView(_message.Message):
    __slots__ = ("target_m", "distance_m", "azimuth_rad", "elevation_rad")
    TARGET_M_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    AZIMUTH_RAD_FIELD_NUMBER: _ClassVar[int]
    ELEVATION_RAD_FIELD_NUMBER: _ClassVar[int]
    target_m: _geometry_pb2.Vector3
    distance_m: float
    azimuth_rad: float
    elevation_rad: float
    def __init__(self, target_m: _Optional[_Union[_geometry_pb2.Vector3, _Mapping]] = ..., distance_m: _Optional[float] = ..., azimuth_rad: _Optional[float] = ..., elevation_rad: _Optional[float] = ...) -> None: ...

class RenderViewResponse(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: _observation_pb2.Frame
    def __init__(self, frame: _Optional[_Union[_observation_pb2.Frame, _Mapping]] = ...) -> None: ...

class SetPacingRequest(_message.Message):
    __slots__ = ("pacing",)
    PACING_FIELD_NUMBER: _ClassVar[int]
    pacing: _robot_service_pb2.Pacing
    def __init__(self, pacing: _Optional[_Union[_robot_service_pb2.Pacing, str]] = ...) -> None: ...

class SetPacingResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class InjectFaultRequest(_message.Message):
    __slots__ = ("camera_dropout", "camera_latency", "contact_reflex", "stall", "gripper_jam", "hand_guiding", "observation_delay", "action_delay", "target_filter", "duration")
    CAMERA_DROPOUT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_LATENCY_FIELD_NUMBER: _ClassVar[int]
    CONTACT_REFLEX_FIELD_NUMBER: _ClassVar[int]
    STALL_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_JAM_FIELD_NUMBER: _ClassVar[int]
    HAND_GUIDING_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_DELAY_FIELD_NUMBER: _ClassVar[int]
    ACTION_DELAY_FIELD_NUMBER: _ClassVar[int]
    TARGET_FILTER_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    camera_dropout: CameraDropout
    camera_latency: CameraLatency
    contact_reflex: ContactReflex
    stall: Stall
    gripper_jam: GripperJam
    hand_guiding: HandGuiding
    observation_delay: ObservationDelay
    action_delay: ActionDelay
    target_filter: TargetFilter
    duration: _duration_pb2.Duration
    def __init__(self, camera_dropout: _Optional[_Union[CameraDropout, _Mapping]] = ..., camera_latency: _Optional[_Union[CameraLatency, _Mapping]] = ..., contact_reflex: _Optional[_Union[ContactReflex, _Mapping]] = ..., stall: _Optional[_Union[Stall, _Mapping]] = ..., gripper_jam: _Optional[_Union[GripperJam, _Mapping]] = ..., hand_guiding: _Optional[_Union[HandGuiding, _Mapping]] = ..., observation_delay: _Optional[_Union[ObservationDelay, _Mapping]] = ..., action_delay: _Optional[_Union[ActionDelay, _Mapping]] = ..., target_filter: _Optional[_Union[TargetFilter, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class InjectFaultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CameraDropout(_message.Message):
    __slots__ = ("camera",)
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    camera: str
    def __init__(self, camera: _Optional[str] = ...) -> None: ...

class CameraLatency(_message.Message):
    __slots__ = ("camera", "delay", "jitter")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    camera: str
    delay: _duration_pb2.Duration
    jitter: _duration_pb2.Duration
    def __init__(self, camera: _Optional[str] = ..., delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., jitter: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ContactReflex(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Stall(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GripperJam(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HandGuiding(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ObservationDelay(_message.Message):
    __slots__ = ("delay", "jitter")
    DELAY_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    delay: _duration_pb2.Duration
    jitter: _duration_pb2.Duration
    def __init__(self, delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., jitter: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ActionDelay(_message.Message):
    __slots__ = ("delay", "jitter")
    DELAY_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    delay: _duration_pb2.Duration
    jitter: _duration_pb2.Duration
    def __init__(self, delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., jitter: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class TargetFilter(_message.Message):
    __slots__ = ("time_constant",)
    TIME_CONSTANT_FIELD_NUMBER: _ClassVar[int]
    time_constant: _duration_pb2.Duration
    def __init__(self, time_constant: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ClearInjectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClearInjectionsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
