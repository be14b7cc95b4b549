import numpy as np
import pytest
import torch

from serl_rl.demonstrations.frames import FrameBank, frames_of, joined
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor

CPU = torch.device("cpu")


def make_sight(spec, *, frozen=True, frame_stack=1):
    encoder = EncoderConfig(backbone=BackboneConfig(name="small", frozen=frozen), head=HeadConfig(bottleneck=8))
    return ImagePreprocessor(spec, VisionConfig(encoder=encoder, frame_stack=frame_stack), CPU)


def noisy(spec, make_episode, steps=5, number=0):
    episode = make_episode(steps, number=number)
    images = np.random.default_rng(number).integers(0, 256, (steps + 1, 48, 48, 3), np.uint8)
    return frames_of(
        make_episode(steps, number=number, observations={**episode.observations, "wrist": images}),
        np.arange(steps + 1),
        spec,
        1,
    )


def test_stacks_begin_with_the_first_image_once_more(spec, make_episode):
    frames = frames_of(make_episode(5), np.array([0, 1, 4]), spec, 3)
    np.testing.assert_array_equal(frames["wrist"][:, :, 0, 0, 0], [[0, 0, 0], [0, 0, 1], [2, 3, 4]])
    np.testing.assert_array_equal(frames["state"][:, 1], [0, 1, 4])


def test_frames_of_episodes_are_joined_in_order(spec, make_episode):
    parts = [frames_of(make_episode(3, number=n), np.array([n, 3]), spec, 1) for n in range(2)]
    np.testing.assert_array_equal(joined(parts)["state"], [[0, 0], [0, 3], [1, 1], [1, 3]])


def test_maps_without_crops_are_those_of_the_images(spec, make_episode):
    preprocessor, frames = make_sight(spec), noisy(spec, make_episode)
    bank = FrameBank(frames, spec, preprocessor, crops=0, seed=0, device=CPU)
    chosen = np.array([3, 0, 3])
    vector, maps = bank.draw(chosen)
    expected = preprocessor({"wrist": torch.from_numpy(frames["wrist"][chosen])})["wrist"]
    np.testing.assert_array_equal(vector, frames["state"][chosen])
    assert maps["wrist"].shape == expected.shape
    np.testing.assert_allclose(maps["wrist"].float(), expected.float(), rtol=2**-7, atol=1e-3)


def test_a_draw_takes_one_of_a_few_crops(spec, make_episode):
    bank = FrameBank(noisy(spec, make_episode), spec, make_sight(spec), crops=3, seed=0, device=CPU)
    _, maps = bank.draw(np.zeros(200, np.int64))
    assert 1 < len({array.float().numpy().tobytes() for array in maps["wrist"]}) <= 3


def test_a_generator_makes_the_crops_repeatable(spec, make_episode):
    bank = FrameBank(noisy(spec, make_episode), spec, make_sight(spec), crops=4, seed=0, device=CPU)
    once, again = (bank.draw(np.arange(6), torch.Generator().manual_seed(5))[1]["wrist"] for _ in range(2))
    assert torch.equal(once, again)


@pytest.mark.parametrize("frame_stack", [1, 2])
def test_stacked_maps_join_channels(spec, make_episode, frame_stack):
    preprocessor = make_sight(spec, frame_stack=frame_stack)
    frames = frames_of(make_episode(4), np.arange(5), spec, frame_stack)
    _, maps = FrameBank(frames, spec, preprocessor, crops=2, seed=0, device=CPU).draw(np.arange(5))
    assert maps["wrist"].shape[1] == frame_stack * preprocessor.kept_shapes()["wrist"][2]


def test_images_are_cropped_anew_for_a_backbone_that_is_trained(spec, make_episode):
    bank = FrameBank(noisy(spec, make_episode), spec, make_sight(spec, frozen=False), crops=1, seed=0, device=CPU)
    _, images = bank.draw(np.zeros(50, np.int64))
    assert images["wrist"].dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in images["wrist"]}) > 5
