"""Videos of episodes, with a line of text on each frame; GIF where no MP4 encoder is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from serl_rl.evaluation import Acting, run_episode

log = logging.getLogger(__name__)

Image = npt.NDArray[np.uint8]

_SMALLEST_PX = 256
_HELD_FRAMES = 8
_BAR_PX = 18


def record_frames(
    env: gymnasium.Env[Any, Any],
    policy: Acting,
    episode_count: int,
    seed: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Image]:
    """Runs deterministic episodes and draws each step.

    Args:
        env: The environment; must render RGB arrays.
        policy: Chooses actions.
        episode_count: Number of episodes.
        seed: Seed of the first reset; the others count up.
        should_stop: Ends the drawing early; what was drawn is returned.

    Returns:
        RGB images of one even size.
    """
    frames: list[Image] = []
    for episode in range(episode_count):

        def add(step: int, info: dict[str, Any], number: int = episode + 1) -> None:
            if should_stop():
                return
            success = bool(info.get("success", False))
            text = f"episode {number}  step {step:2d}" + ("  success" if success else "")
            frame: Any = env.render()
            frames.append(annotate(np.asarray(frame, np.uint8), text, success=success))

        if should_stop():
            break
        run_episode(env, policy, seed + episode, add)
        frames.extend(frames[-1:] * _HELD_FRAMES)
    return frames


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


def write_video(frames: list[Image], path: Path, rate_hz: float = 10.0) -> Path:
    """Writes frames as MP4, or as GIF if that cannot be done here.

    Args:
        frames: RGB images of one even size.
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
        images: Any = frames
        imageio.mimsave(path, images, duration=1000.0 / rate_hz, loop=0)
    return path
