"""Images are RGB wherever one could take them for BGR: drivers, wire, environment, networks."""

import contextlib
import io
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch
from PIL import Image

from serl_api.enums import PixelEncoding
from serl_client import CameraClient

pytestmark = pytest.mark.trap

RED, BLUE = np.array((200, 30, 10), np.uint8), np.array((10, 30, 200), np.uint8)


def count(image, colour):
    """Pixels of the cube's colour (0.86, 0.25, 0.16), or of the one that has its red and blue exchanged."""
    first, _, last = (image[..., channel].astype(int) for channel in ((0, 1, 2) if colour == "red" else (2, 1, 0)))
    return int(((first > 130) & (first > 2 * last)).sum())


def test_the_red_cube_is_red_in_the_environment(simulator_address):
    with contextlib.closing(gymnasium.make("serl/PickCubeVision-v0", address=simulator_address)) as env:
        for seed in range(3):
            observation, _ = env.reset(seed=seed)
            assert count(observation["front"], "red") > 15
            assert count(observation["front"], "blue") == 0


@pytest.mark.parametrize("encoding", [PixelEncoding.JPEG, PixelEncoding.PNG])
def test_encoded_frames_have_the_colours_of_raw_ones(simulator_address, encoding):
    with CameraClient(simulator_address) as cameras:
        raw = cameras.get_frame("front").rgb
        coded = cameras.get_frame("front", encoding=encoding)
    decoded = np.asarray(Image.open(io.BytesIO(coded.data)).convert("RGB"))
    assert np.abs(decoded.astype(int) - raw).mean() < 4
    assert count(decoded, "red") > 15
    assert count(decoded, "blue") == 0


@pytest.mark.parametrize("order", ["rgb8", "bgr8"])
def test_a_realsense_delivers_rgb_in_whatever_order_it_was_recorded(order):
    pytest.importorskip("robot_daemon.drivers.realsense", exc_type=ImportError)
    from robot_daemon.drivers.realsense.library import rs
    from robot_daemon.drivers.realsense.options import RealsenseOptions
    from robot_daemon.drivers.realsense.stream import RealsenseStream

    stored = np.empty((6, 8, 3), np.uint8)
    stored[:, :4], stored[:, 4:] = (RED, BLUE) if order == "rgb8" else (RED[::-1], BLUE[::-1])
    colour = SimpleNamespace(
        get_data=lambda: stored,
        get_timestamp=lambda: 1.0,
        get_frame_number=lambda: 1,
        supports_frame_metadata=lambda key: False,
        get_frame_timestamp_domain=lambda: rs.timestamp_domain.system_time,
    )
    frames = SimpleNamespace(get_color_frame=lambda: colour)
    profile = SimpleNamespace(
        format=lambda: getattr(rs.format, order),
        width=lambda: 8,
        height=lambda: 6,
        fps=lambda: 30,
        get_intrinsics=lambda: SimpleNamespace(fx=8.0, fy=8.0, ppx=4.0, ppy=3.0),
    )
    device = SimpleNamespace(supports=lambda key: False)
    stream = RealsenseStream(
        "front",
        SimpleNamespace(try_wait_for_frames=lambda timeout_ms: (True, frames)),
        SimpleNamespace(
            get_device=lambda: device,
            get_stream=lambda kind: SimpleNamespace(as_video_stream_profile=lambda: profile),
        ),
        RealsenseOptions(),
        lambda: 10**9,
        lambda receive_ns, arrival_ms: 0,
        lambda silence_s: None,
    )
    rgb = stream.read(1.0).rgb
    assert rgb[0, 0].tolist() == RED.tolist()
    assert rgb[0, 7].tolist() == BLUE.tolist()


def test_the_networks_scale_red_by_the_statistics_of_red():
    # ImageNet's mean and deviation of red are 0.485 and 0.229, of blue 0.406 and 0.225 (torchvision's documentation).
    from serl_rl.models.vision.backbones.normalization import imagenet_scaling

    scaled = imagenet_scaling()(torch.from_numpy(RED).expand(1, 1, 1, 3))
    expected = [(200 / 255 - 0.485) / 0.229, (30 / 255 - 0.456) / 0.224, (10 / 255 - 0.406) / 0.225]
    np.testing.assert_allclose(scaled.ravel().numpy(), expected, atol=1e-5)
