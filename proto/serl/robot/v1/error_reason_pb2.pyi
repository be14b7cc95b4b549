from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_TARGET: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_LIMIT_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_CONTROL_HELD: _ClassVar[ErrorReason]
    ERROR_REASON_ARM_FAULTED: _ClassVar[ErrorReason]
    ERROR_REASON_STOP_LATCHED: _ClassVar[ErrorReason]
    ERROR_REASON_WRONG_MODE: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_NAME: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_EQUIPPED: _ClassVar[ErrorReason]
    ERROR_REASON_DEVICE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_TOO_MANY_STREAMS: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_TOKEN: _ClassVar[ErrorReason]
    ERROR_REASON_DRAINING: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_CONTROL_TAKEN: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_PERMITTED: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_TARGET: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_LIMIT_EXCEEDED: ErrorReason
ERROR_REASON_CONTROL_HELD: ErrorReason
ERROR_REASON_ARM_FAULTED: ErrorReason
ERROR_REASON_STOP_LATCHED: ErrorReason
ERROR_REASON_WRONG_MODE: ErrorReason
ERROR_REASON_UNKNOWN_NAME: ErrorReason
ERROR_REASON_NOT_EQUIPPED: ErrorReason
ERROR_REASON_DEVICE_UNAVAILABLE: ErrorReason
ERROR_REASON_TOO_MANY_STREAMS: ErrorReason
ERROR_REASON_BAD_TOKEN: ErrorReason
ERROR_REASON_DRAINING: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_CONTROL_TAKEN: ErrorReason
ERROR_REASON_NOT_PERMITTED: ErrorReason
