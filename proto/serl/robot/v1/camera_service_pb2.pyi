from serl.robot.v1 import geometry_pb2 as _geometry_pb2
from serl.robot.v1 import observation_pb2 as _observation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListCamerasRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCamerasResponse(_message.Message):
    __slots__ = ("cameras",)
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    cameras: _containers.RepeatedCompositeFieldContainer[CameraInfo]
    def __init__(self, cameras: _Optional[_Iterable[_Union[CameraInfo, _Mapping]]] = ...) -> None: ...

class GetFrameRequest(_message.Message):
    __slots__ = ("camera", "encoding", "include_depth")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    camera: str
    encoding: _observation_pb2.PixelEncoding
    include_depth: bool
    def __init__(self, camera: _Optional[str] = ..., encoding: _Optional[_Union[_observation_pb2.PixelEncoding, str]] = ..., include_depth: _Optional[bool] = ...) -> None: ...

class GetFrameResponse(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: _observation_pb2.Frame
    def __init__(self, frame: _Optional[_Union[_observation_pb2.Frame, _Mapping]] = ...) -> None: ...

class StreamFramesRequest(_message.Message):
    __slots__ = ("cameras", "encoding", "max_rate_hz", "include_depth")
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    MAX_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    cameras: _containers.RepeatedScalarFieldContainer[str]
    encoding: _observation_pb2.PixelEncoding
    max_rate_hz: float
    include_depth: bool
    def __init__(self, cameras: _Optional[_Iterable[str]] = ..., encoding: _Optional[_Union[_observation_pb2.PixelEncoding, str]] = ..., max_rate_hz: _Optional[float] = ..., include_depth: _Optional[bool] = ...) -> None: ...

class StreamFramesResponse(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: _observation_pb2.Frame
    def __init__(self, frame: _Optional[_Union[_observation_pb2.Frame, _Mapping]] = ...) -> None: ...

class CameraInfo(_message.Message):
    __slots__ = ("name", "model", "serial_number", "width_px", "height_px", "rate_hz", "delivering", "has_depth", "intrinsics", "mount_pose", "mount")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SERIAL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    DELIVERING_FIELD_NUMBER: _ClassVar[int]
    HAS_DEPTH_FIELD_NUMBER: _ClassVar[int]
    INTRINSICS_FIELD_NUMBER: _ClassVar[int]
    MOUNT_POSE_FIELD_NUMBER: _ClassVar[int]
    MOUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    serial_number: str
    width_px: int
    height_px: int
    rate_hz: float
    delivering: bool
    has_depth: bool
    intrinsics: CameraIntrinsics
    mount_pose: _geometry_pb2.Pose
    mount: str
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., serial_number: _Optional[str] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., rate_hz: _Optional[float] = ..., delivering: _Optional[bool] = ..., has_depth: _Optional[bool] = ..., intrinsics: _Optional[_Union[CameraIntrinsics, _Mapping]] = ..., mount_pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., mount: _Optional[str] = ...) -> None: ...

class CameraIntrinsics(_message.Message):
    __slots__ = ("fx_px", "fy_px", "cx_px", "cy_px")
    FX_PX_FIELD_NUMBER: _ClassVar[int]
    FY_PX_FIELD_NUMBER: _ClassVar[int]
    CX_PX_FIELD_NUMBER: _ClassVar[int]
    CY_PX_FIELD_NUMBER: _ClassVar[int]
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    def __init__(self, fx_px: _Optional[float] = ..., fy_px: _Optional[float] = ..., cx_px: _Optional[float] = ..., cy_px: _Optional[float] = ...) -> None: ...
