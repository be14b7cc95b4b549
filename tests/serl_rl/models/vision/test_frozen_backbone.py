"""Maps of frozen backbones: of which image, which camera and which crop."""

import numpy as np
import pytest
import torch

from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.frozen_backbone import FrozenVision, join_stack
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

SIDE, CAMERAS, COUNT = 48, ("front", "wrist"), 5  # More than one piece, once each image has two crops.
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return {camera: rng.integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8) for camera in CAMERAS}


@pytest.fixture(params=[True, False], ids=["one backbone", "one a camera"])
def config(request):
    return BackboneConfig(name="small", shared=request.param)


@pytest.fixture
def vision(config):
    return FrozenVision(config, dict.fromkeys(CAMERAS, (SIDE, SIDE)), CPU)


def expected_maps(config, dtype, camera, image, shift):
    """Upstream's crop, four pixels of repeated edge on each side, through a backbone built anew."""
    backbone = make_backbone(config, seed_offset=0 if config.shared else CAMERAS.index(camera)).to(dtype)
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="edge")
    crop = padded[4 + shift[0] : 4 + shift[0] + SIDE, 4 + shift[1] : 4 + shift[1] + SIDE]
    return backbone(torch.from_numpy(crop.copy())[None])[0].float()


def near(found, expected):
    torch.testing.assert_close(found.float(), expected, rtol=2e-2, atol=2e-2)  # bfloat16 has eight digits of two.


def test_each_kept_map_is_of_its_own_image_and_crop(config, vision, images):
    shifts = np.random.default_rng(1).integers(-4, 5, (COUNT, 2, 2))
    kept = vision.crop_maps(images, shifts)
    for camera, index, crop in ((camera, n, k) for camera in CAMERAS for n in range(COUNT) for k in range(2)):
        found = torch.from_numpy(kept[camera][index, crop]).view(torch.bfloat16).permute(2, 0, 1)
        near(found, expected_maps(config, vision.dtype, camera, images[camera][index], shifts[index, crop]))


def test_frames_of_a_stack_are_shifted_alike_and_the_oldest_comes_first(config, vision, images):
    stacks = {camera: torch.from_numpy(array[:4]).unflatten(0, (2, 2)) for camera, array in images.items()}
    shifts = torch.tensor([[3, -2], [-4, 1]])
    maps = vision.stacked_maps(stacks, shifts)
    for camera, sample, frame in ((camera, n, f) for camera in CAMERAS for n in range(2) for f in range(2)):
        found = maps[camera][sample].chunk(2)[frame]
        near(found, expected_maps(config, vision.dtype, camera, images[camera][2 * sample + frame], shifts[sample]))


def test_joined_stacks_are_the_channels_of_the_oldest_frame_then_those_of_the_next():
    maps = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(join_stack(maps), maps.flatten(1, 2))


def test_a_frozen_backbone_sees_all_cameras_of_a_sample_shifted_alike_and_the_next_sample_by_itself(config, images):
    arrays = tuple(ArraySpec(name=name, dtype=np.dtype(np.uint8), shape=(SIDE, SIDE, 3)) for name in CAMERAS)
    action = ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,))
    spec = EnvironmentSpec(environment="test/Look-v0", observation=arrays, action=action)
    preprocessor = ImagePreprocessor(spec, VisionConfig(encoder=EncoderConfig(backbone=config)), CPU)
    tensors = {camera: torch.from_numpy(array) for camera, array in images.items()}
    generator, again = (torch.Generator().manual_seed(3) for _ in range(2))
    draws = [torch.randint(-4, 5, (COUNT, 2), generator=again) for _ in range(2)]
    assert (draws[0] != draws[1]).any(1).all()
    for shifts in draws:
        maps = preprocessor(tensors, generator)
        for camera, index in ((camera, n) for camera in CAMERAS for n in range(COUNT)):
            expected = expected_maps(
                config, preprocessor.frozen.dtype, camera, images[camera][index], shifts[index].tolist()
            )
            near(maps[camera][index], expected)
