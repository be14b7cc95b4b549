"""Writes videos; GIF where no MP4 encoder is installed. A line of text below a picture."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

Image = npt.NDArray[np.uint8]

_SMALLEST_PX = 256
_BAR_PX = 18


def annotate(image: Image, text: str, *, success: bool = False) -> Image:
    """Enlarges a small image and writes a line below it.

    Args:
        image: RGB, shape (H, W, 3).
        text: The line.
        success: Whether the line is green.

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
    """Writes frames as MP4, or as GIF if that cannot be done here.

    Args:
        frames: RGB images of one even size; gone through again for a GIF.
        path: Video to write, with the suffix ".mp4".
        rate_hz: Frames a second.

    Returns:
        What was written.
    """
    import imageio.v2 as imageio

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer: Any = imageio.get_writer(path, fps=rate_hz, codec="libx264", quality=8, macro_block_size=2)
        with writer:
            for frame in frames:
                writer.append_data(frame)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        log.warning("cannot write MP4 (%s); writing a GIF instead", error)
        path.unlink(missing_ok=True)
        path = path.with_suffix(".gif")
        imageio.mimsave(path, list(frames), duration=1000.0 / rate_hz, loop=0)
    return path
