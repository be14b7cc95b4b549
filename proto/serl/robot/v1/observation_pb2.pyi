import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from serl.robot.v1 import geometry_pb2 as _geometry_pb2
from serl.robot.v1 import state_pb2 as _state_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PixelEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PIXEL_ENCODING_UNSPECIFIED: _ClassVar[PixelEncoding]
    PIXEL_ENCODING_RGB8: _ClassVar[PixelEncoding]
    PIXEL_ENCODING_JPEG: _ClassVar[PixelEncoding]
    PIXEL_ENCODING_PNG: _ClassVar[PixelEncoding]
    PIXEL_ENCODING_DEPTH16: _ClassVar[PixelEncoding]

class StampSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAMP_SOURCE_UNSPECIFIED: _ClassVar[StampSource]
    STAMP_SOURCE_SENSOR: _ClassVar[StampSource]
    STAMP_SOURCE_ARRIVAL: _ClassVar[StampSource]
    STAMP_SOURCE_SIMULATOR: _ClassVar[StampSource]
PIXEL_ENCODING_UNSPECIFIED: PixelEncoding
PIXEL_ENCODING_RGB8: PixelEncoding
PIXEL_ENCODING_JPEG: PixelEncoding
PIXEL_ENCODING_PNG: PixelEncoding
PIXEL_ENCODING_DEPTH16: PixelEncoding
STAMP_SOURCE_UNSPECIFIED: StampSource
STAMP_SOURCE_SENSOR: StampSource
STAMP_SOURCE_ARRIVAL: StampSource
STAMP_SOURCE_SIMULATOR: StampSource

class Observation(_message.Message):
    __slots__ = ("reference_time_ns", "capture_time", "state", "frames", "tracked_objects", "offsets", "synchronized", "episode_number", "step_index", "newest_state")
    REFERENCE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    TRACKED_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    SYNCHRONIZED_FIELD_NUMBER: _ClassVar[int]
    EPISODE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    STEP_INDEX_FIELD_NUMBER: _ClassVar[int]
    NEWEST_STATE_FIELD_NUMBER: _ClassVar[int]
    reference_time_ns: int
    capture_time: _timestamp_pb2.Timestamp
    state: _state_pb2.RobotState
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    tracked_objects: _containers.RepeatedCompositeFieldContainer[TrackedObject]
    offsets: _containers.RepeatedCompositeFieldContainer[SensorOffset]
    synchronized: bool
    episode_number: int
    step_index: int
    newest_state: _state_pb2.RobotState
    def __init__(self, reference_time_ns: _Optional[int] = ..., capture_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[_state_pb2.RobotState, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ..., tracked_objects: _Optional[_Iterable[_Union[TrackedObject, _Mapping]]] = ..., offsets: _Optional[_Iterable[_Union[SensorOffset, _Mapping]]] = ..., synchronized: _Optional[bool] = ..., episode_number: _Optional[int] = ..., step_index: _Optional[int] = ..., newest_state: _Optional[_Union[_state_pb2.RobotState, _Mapping]] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("camera", "encoding", "width_px", "height_px", "data", "exposure_time_ns", "receive_time_ns", "frame_number", "stamp_source", "depth_scale_m", "depth")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    FRAME_NUMBER_FIELD_NUMBER: _ClassVar[int]
    STAMP_SOURCE_FIELD_NUMBER: _ClassVar[int]
    DEPTH_SCALE_M_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    camera: str
    encoding: PixelEncoding
    width_px: int
    height_px: int
    data: bytes
    exposure_time_ns: int
    receive_time_ns: int
    frame_number: int
    stamp_source: StampSource
    depth_scale_m: float
    depth: DepthImage
    def __init__(self, camera: _Optional[str] = ..., encoding: _Optional[_Union[PixelEncoding, str]] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., data: _Optional[bytes] = ..., exposure_time_ns: _Optional[int] = ..., receive_time_ns: _Optional[int] = ..., frame_number: _Optional[int] = ..., stamp_source: _Optional[_Union[StampSource, str]] = ..., depth_scale_m: _Optional[float] = ..., depth: _Optional[_Union[DepthImage, _Mapping]] = ...) -> None: ...

class DepthImage(_message.Message):
    __slots__ = ("width_px", "height_px", "data", "depth_scale_m")
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DEPTH_SCALE_M_FIELD_NUMBER: _ClassVar[int]
    width_px: int
    height_px: int
    data: bytes
    depth_scale_m: float
    def __init__(self, width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., data: _Optional[bytes] = ..., depth_scale_m: _Optional[float] = ...) -> None: ...

class TrackedObject(_message.Message):
    __slots__ = ("name", "pose", "twist", "monotonic_time_ns", "ground_truth")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    TWIST_FIELD_NUMBER: _ClassVar[int]
    MONOTONIC_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    GROUND_TRUTH_FIELD_NUMBER: _ClassVar[int]
    name: str
    pose: _geometry_pb2.Pose
    twist: _geometry_pb2.Twist
    monotonic_time_ns: int
    ground_truth: bool
    def __init__(self, name: _Optional[str] = ..., pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., twist: _Optional[_Union[_geometry_pb2.Twist, _Mapping]] = ..., monotonic_time_ns: _Optional[int] = ..., ground_truth: _Optional[bool] = ...) -> None: ...

class SensorOffset(_message.Message):
    __slots__ = ("sensor", "offset_ns", "tolerance_ns", "missing")
    SENSOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_NS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    sensor: str
    offset_ns: int
    tolerance_ns: int
    missing: bool
    def __init__(self, sensor: _Optional[str] = ..., offset_ns: _Optional[int] = ..., tolerance_ns: _Optional[int] = ..., missing: _Optional[bool] = ...) -> None: ...
