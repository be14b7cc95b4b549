"""Converts frames, tracked objects and observations between values and messages of `observation.proto`."""

from collections.abc import Callable, Iterable
from typing import cast

import numpy as np
from serl.robot.v1 import observation_pb2

from serl_api.codec.geometry import decode_pose, decode_twist, write_pose, write_twist
from serl_api.codec.lazy import lazy_decoder
from serl_api.codec.state import decode_state
from serl_api.codec.times import decode_timestamp
from serl_api.enums import PixelEncoding, StampSource
from serl_api.values import DepthImage, Frame, Observation, SensorOffset, TrackedObject


def encode_pixel_encoding(encoding: PixelEncoding) -> observation_pb2.PixelEncoding:
    """Converts the layout of an image to ask for."""
    return cast("observation_pb2.PixelEncoding", int(encoding))


def _decode_depth(message: observation_pb2.DepthImage) -> DepthImage:
    values = np.frombuffer(message.data, "<u2").reshape(message.height_px, message.width_px)
    return DepthImage(values=values, scale_m=message.depth_scale_m)


def decode_frame(message: observation_pb2.Frame) -> Frame:
    """Converts to a frame, which shares the memory of the message."""
    return Frame(
        camera=message.camera,
        encoding=PixelEncoding(message.encoding),
        width=message.width_px,
        height=message.height_px,
        data=message.data,
        exposure_time_ns=message.exposure_time_ns,
        receive_time_ns=message.receive_time_ns,
        frame_number=message.frame_number,
        stamp_source=StampSource(message.stamp_source),
        depth=_decode_depth(message.depth) if message.HasField("depth") else None,
    )


def write_tracked_object(message: observation_pb2.TrackedObject, item: TrackedObject) -> None:
    """Fills in an object whose pose is known."""
    message.name = item.name
    write_pose(message.pose, item.pose)
    if item.twist is not None:
        write_twist(message.twist, item.twist)
    message.monotonic_time_ns = item.monotonic_time_ns
    message.ground_truth = item.ground_truth


def decode_tracked_objects(messages: Iterable[observation_pb2.TrackedObject]) -> dict[str, TrackedObject]:
    """Converts to objects by name."""
    return {
        message.name: TrackedObject(
            name=message.name,
            pose=decode_pose(message.pose),
            twist=decode_twist(message.twist) if message.HasField("twist") else None,
            monotonic_time_ns=message.monotonic_time_ns,
            ground_truth=message.ground_truth,
        )
        for message in messages
    }


def write_offset(message: observation_pb2.SensorOffset, offset: SensorOffset) -> None:
    """Fills in how far a sensor's sample lies from the reference time."""
    message.sensor = offset.sensor
    message.offset_ns = offset.offset_ns
    message.tolerance_ns = offset.tolerance_ns
    message.missing = offset.missing


def _decode_offset(message: observation_pb2.SensorOffset) -> SensorOffset:
    return SensorOffset(
        sensor=message.sensor,
        offset_ns=message.offset_ns,
        tolerance_ns=message.tolerance_ns,
        missing=message.missing,
    )


decode_observation: Callable[[observation_pb2.Observation], Observation] = lazy_decoder(
    Observation,
    {
        "reference_time_ns": lambda message: message.reference_time_ns,
        "capture_time_s": lambda message: decode_timestamp(message.capture_time),
        "state": lambda message: decode_state(message.state),
        "frames": lambda message: {frame.camera: decode_frame(frame) for frame in message.frames},
        "tracked_objects": lambda message: decode_tracked_objects(message.tracked_objects),
        "offsets": lambda message: {offset.sensor: _decode_offset(offset) for offset in message.offsets},
        "synchronized": lambda message: message.synchronized,
        "episode_number": lambda message: message.episode_number,
        "step_index": lambda message: message.step_index,
        "newest_state": lambda message: decode_state(
            message.newest_state if message.HasField("newest_state") else message.state
        ),
    },
)
"""Converts to one snapshot; its fields are decoded when they are first read."""
