"""Videos and animations; text below a picture."""

import av
import numpy as np
import pytest
from PIL import Image

from serl_rl.visualization.video import annotate, write_animation, write_video


@pytest.fixture
def frames():
    return [np.full((64, 96, 3), 20 * index, np.uint8) for index in range(12)]


def test_small_images_are_enlarged_and_get_a_line():
    image = np.full((64, 64, 3), 200, np.uint8)
    annotated = annotate(image, "step 3", success=True)
    assert annotated.shape == (256 + 18, 256, 3)
    assert (annotated[256:] > 100).any()


def read_video(path):
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        return stream, [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]


@pytest.mark.parametrize(("available", "codec"), [({"libx264"}, "h264"), (set(), "mpeg4")])
def test_an_mp4_has_every_frame_at_its_rate(frames, tmp_path, monkeypatch, available, codec):
    monkeypatch.setattr(av, "codecs_available", available)
    written = write_video(iter(frames), tmp_path / "new" / "policy.mp4", rate_hz=7.5)
    stream, images = read_video(written)
    assert written == tmp_path / "new" / "policy.mp4"
    assert (stream.codec_context.name, stream.average_rate, stream.pix_fmt) == (codec, 7.5, "yuv420p")
    assert [image.shape for image in images] == [(64, 96, 3)] * 12
    np.testing.assert_allclose([image.mean() for image in images], 20 * np.arange(12), atol=6)


def test_red_stays_red(tmp_path):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    _, images = read_video(write_video([red], tmp_path / "red.mp4"))
    assert images[0].reshape(-1, 3).mean(0) == pytest.approx([255, 0, 0], abs=12)


def test_an_animation_repeats_with_every_frame(frames, tmp_path):
    written = write_animation(iter(frames), tmp_path / "new" / "policy.gif", rate_hz=5.0)
    with Image.open(written) as animation:
        assert (animation.n_frames, animation.info["duration"], animation.info["loop"]) == (12, 200, 0)


@pytest.mark.parametrize("write", [write_video, write_animation])
def test_nothing_to_write_is_said(write, tmp_path):
    with pytest.raises(ValueError, match="there are no frames to write to"):
        write([], tmp_path / "empty.mp4")
    assert not (tmp_path / "empty.mp4").exists()
