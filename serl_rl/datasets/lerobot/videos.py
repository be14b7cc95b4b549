"""Writes the pictures of many episodes into one video, and reads single frames of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from serl_api.lifetime.closing import ClosedOnExit
from serl_rl.errors import DatasetError

_CODEC = "libx264"
_GOP = 10
"""Frames from one that stands for itself to the next: a reader of a single frame decodes half as many on average."""
_ENCODER = {"crf": "23", "preset": "veryfast", "bf": "0"}


class VideoWriter(ClosedOnExit):
    """Encodes pictures one after the other as H.264. A context manager.

    Args:
        path: Video to write; its folder is made.
        rate_hz: Frames a second.
        size: Height and width, px.

    Raises:
        DatasetError: The size is odd, or this build of FFmpeg has no encoder.
    """

    def __init__(self, path: Path, rate_hz: int, size: tuple[int, int]) -> None:
        if size[0] % 2 or size[1] % 2:
            raise DatasetError(f"pictures of {size[0]} x {size[1]} px fit no video; add --images png")
        if _CODEC not in av.codecs_available:
            raise DatasetError(f"this build of FFmpeg has no encoder {_CODEC}; add --images png")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._container: Any = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        self._stream: Any = self._container.add_stream(_CODEC, rate=rate_hz)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.gop_size = _GOP
        self._stream.options = _ENCODER
        self.frames = 0
        """Pictures so far."""

    @property
    def size_bytes(self) -> int:
        """Returns what is on the disk so far."""
        return self._path.stat().st_size if self._path.exists() else 0

    def add(self, images: NDArray[np.uint8]) -> None:
        """Encodes pictures.

        Args:
            images: Shape (N, height, width, 3), RGB.
        """
        for image in images:
            self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        self.frames += len(images)

    def close(self) -> None:
        """Writes what is left. Safe to repeat."""
        if self._container is not None:
            container, self._container = self._container, None
            container.mux(self._stream.encode())
            container.close()


def video_information(rate_hz: int, size: tuple[int, int]) -> dict[str, Any]:
    """Describes a video as info.json does."""
    return {
        "video.height": size[0],
        "video.width": size[1],
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": rate_hz,
        "video.channels": 3,
        "has_audio": False,
        "video.g": _GOP,
    }


def read_frames(path: Path, first: int, count: int, rate_hz: float) -> NDArray[np.uint8]:
    """Decodes successive frames of a video.

    Args:
        path: The video.
        first: Number of the first, from 0.
        count: How many.
        rate_hz: Frames a second.

    Returns:
        Shape (count, height, width, 3), RGB.

    Raises:
        DatasetError: The video is missing, damaged or too short.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None
            container.seek(max(int((first - 0.5) / rate_hz / stream.time_base), 0), stream=stream)
            return _picked(container.decode(stream), first, count, rate_hz, path)
    except (OSError, IndexError) as error:  # What av raises is an OSError or a ValueError.
        raise DatasetError(f"the video {path} cannot be read ({error}); fetch the data set anew") from None
    except ValueError as error:
        raise DatasetError(f"the video {path} is damaged ({error}); fetch the data set anew") from None


def _picked(frames: Iterable[Any], first: int, count: int, rate_hz: float, path: Path) -> NDArray[np.uint8]:
    picked: dict[int, NDArray[np.uint8]] = {}
    for frame in frames:
        number = round(frame.time * rate_hz)
        if first <= number < first + count:
            picked[number] = frame.to_ndarray(format="rgb24")
        if number >= first + count - 1:
            break
    if len(picked) != count:
        raise DatasetError(
            f"the video {path} has {len(picked)} of the {count} frames from {first} on; fetch the data set anew"
        )
    return np.stack([picked[number] for number in sorted(picked)])
