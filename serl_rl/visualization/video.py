"""Writes videos and animations; a line of text below a picture."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_SMALLEST_PX = 256
_BAR_PX = 18


def annotate(image: Image, text: str, *, success: bool = False) -> Image:
    """Enlarges a small image and writes a line below it.

    Returns:
        RGB with even sides, as video encoders want them.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    factor = max(1, -(-_SMALLEST_PX // min(image.shape[:2])))
    height, width = (side * factor // 2 * 2 for side in image.shape[:2])
    canvas = Pictures.new("RGB", (width, height + _BAR_PX), (20, 20, 24))
    canvas.paste(Pictures.fromarray(image).resize((width, height), Pictures.Resampling.BICUBIC))
    colour = (110, 220, 130) if success else (220, 220, 225)
    ImageDraw.Draw(canvas).text((6, height + 3), text, fill=colour)
    return np.asarray(canvas, np.uint8)


def write_video(frames: Iterable[Image], path: Path, rate_hz: float = 10.0) -> Path:
    """Writes frames as H.264 in an MP4; as MPEG-4 part 2 where this build of FFmpeg has no x264.

    The encoder is a library in this process, not a program fed through a pipe: starting programs from a process
    with the threads of gRPC, EGL and torch now and then kills them before they begin.

    Args:
        frames: RGB images of one even size.
        path: Video to write, with the suffix ".mp4"; replaced if it exists. Its folder is made.
        rate_hz: Frames a second.

    Returns:
        What was written.

    Raises:
        ValueError: There are no frames.
        OSError: The file cannot be written.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"there are no frames to write to {path}")
    has_x264 = "libx264" in av.codecs_available
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        rate = Fraction(rate_hz).limit_denominator(1000)
        stream = container.add_stream("libx264" if has_x264 else "mpeg4", rate=rate)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"  # What every player can show.
        stream.options = {"crf": "18"} if has_x264 else {"qscale:v": "3"}
        for image in chain([first], frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_animation(frames: Iterable[Image], path: Path, rate_hz: float = 10.0) -> Path:
    """Writes frames as a GIF that repeats; arguments, result and errors as in `write_video`."""
    from PIL import Image as Pictures

    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [Pictures.fromarray(frame) for frame in frames]
    if not pictures:
        raise ValueError(f"there are no frames to write to {path}")
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=1000.0 / rate_hz, loop=0)
    return path
