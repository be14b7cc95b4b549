"""Encodes camera frames into messages: raw, JPEG or PNG, with depth when asked for."""

import io

import numpy as np
from PIL import Image
from serl.robot.v1 import observation_pb2

from robot_daemon.hardware.devices import FrameSample
from serl_api.errors.robot import InvalidRequestError, NotEquippedError

JPEG_QUALITY = 90

_FORMATS: dict[int, str] = {observation_pb2.PIXEL_ENCODING_JPEG: "JPEG", observation_pb2.PIXEL_ENCODING_PNG: "PNG"}


def encode_frame(
    camera: str, sample: FrameSample, encoding: int, *, include_depth: bool = False
) -> observation_pb2.Frame:
    """Encodes a colour frame, with depth when it is asked for.

    Args:
        camera: Name of the camera.
        sample: The image.
        encoding: `PixelEncoding` of the colour image; unspecified means raw.
        include_depth: Whether to add aligned depth.

    Raises:
        InvalidRequestError: An encoding that is none of colour.
        NotEquippedError: The camera has no depth.
    """
    height, width, _ = sample.rgb.shape
    known = encoding or observation_pb2.PIXEL_ENCODING_RGB8
    return observation_pb2.Frame(
        camera=camera,
        encoding=known,  # type: ignore[arg-type]
        width_px=width,
        height_px=height,
        data=_encode_pixels(sample, known),
        exposure_time_ns=sample.time_ns,
        receive_time_ns=sample.receive_time_ns,
        frame_number=sample.number,
        stamp_source=sample.stamp_source,  # type: ignore[arg-type]
        depth=_encode_depth(camera, sample) if include_depth else None,
    )


def _encode_pixels(sample: FrameSample, encoding: int) -> bytes:
    if encoding == observation_pb2.PIXEL_ENCODING_RGB8:
        return sample.rgb.tobytes()
    if encoding not in _FORMATS:
        text = f"encoding {encoding} is none of a colour image; use RGB8, JPEG or PNG"
        raise InvalidRequestError(text, field="encoding")
    buffer = io.BytesIO()
    Image.fromarray(sample.rgb).save(buffer, format=_FORMATS[encoding], quality=JPEG_QUALITY, compress_level=1)
    return buffer.getvalue()


def _encode_depth(camera: str, sample: FrameSample) -> observation_pb2.DepthImage:
    if sample.depth is None:
        raise NotEquippedError(f"camera {camera} has no depth; ask for colour only", capability="depth")
    height, width = sample.depth.shape
    data = sample.depth.astype(np.dtype("<u2"), copy=False).tobytes()
    return observation_pb2.DepthImage(width_px=width, height_px=height, data=data, depth_scale_m=sample.depth_scale)
