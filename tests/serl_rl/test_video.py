"""Videos: text on each frame, MP4, GIF where that cannot be written."""

import imageio.v2 as imageio
import numpy as np

from serl_rl.point_mass import PointMassEnv
from serl_rl.video import annotate, record_frames, write_video


class Idle:
    """Does nothing."""

    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        return np.zeros(2, np.float32)


def test_small_images_are_enlarged_and_get_a_line():
    image = np.full((64, 64, 3), 200, np.uint8)
    annotated = annotate(image, "step 3", success=True)
    assert annotated.shape == (256 + 18, 256, 3)
    assert (annotated[256:] > 100).any()


def test_frames_hold_every_step_and_a_pause():
    frames = record_frames(PointMassEnv(), Idle(), 2, seed=0)
    assert len({frame.shape for frame in frames}) == 1
    assert len(frames) > 2 * 8


def test_an_mp4_is_written(tmp_path):
    frames = record_frames(PointMassEnv(), Idle(), 1, seed=0)
    written = write_video(frames, tmp_path / "policy.mp4")
    assert written.suffix == ".mp4"
    assert written.stat().st_size > 500


def test_a_gif_is_written_where_there_is_no_encoder(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise RuntimeError("no ffmpeg")

    monkeypatch.setattr(imageio, "get_writer", refuse)
    written = write_video(record_frames(PointMassEnv(), Idle(), 1, seed=0), tmp_path / "policy.mp4")
    assert written == tmp_path / "policy.gif"
    assert written.read_bytes().startswith(b"GIF8")
