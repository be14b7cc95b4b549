"""Videos: MP4, GIF where that cannot be written; text below a picture."""

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest

from serl_rl.video import annotate, write_video


@pytest.fixture
def frames():
    return [np.full((64, 96, 3), 20 * index, np.uint8) for index in range(12)]


def test_small_images_are_enlarged_and_get_a_line():
    image = np.full((64, 64, 3), 200, np.uint8)
    annotated = annotate(image, "step 3", success=True)
    assert annotated.shape == (256 + 18, 256, 3)
    assert (annotated[256:] > 100).any()


def test_an_mp4_has_every_frame_at_its_rate(frames, tmp_path):
    written = write_video(iter(frames), tmp_path / "policy.mp4", rate_hz=5.0)
    assert written.suffix == ".mp4"
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(written))
    assert count == 12
    assert seconds == pytest.approx(12 / 5.0, abs=0.05)


def test_a_gif_is_written_where_there_is_no_encoder(frames, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise RuntimeError("no ffmpeg")

    monkeypatch.setattr(imageio, "get_writer", refuse)
    written = write_video(frames, tmp_path / "policy.mp4")
    assert written == tmp_path / "policy.gif"
    assert written.read_bytes().startswith(b"GIF8")
