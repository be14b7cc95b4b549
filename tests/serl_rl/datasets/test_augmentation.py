import pytest
import torch

from serl_api.settings import ConfigError
from serl_rl.datasets.augmentation import Augmentation, AugmentationConfig, Resizing

NOTHING = AugmentationConfig(crop=1.0, rotation_deg=0.0, brightness=0.0, contrast=0.0, saturation=0.0)


@pytest.fixture
def images():
    one = torch.rand((1, 3, 32, 48), generator=torch.Generator().manual_seed(0))
    return one.expand(3, -1, -1, -1)


def test_all_cameras_of_a_sample_are_changed_alike(images):
    augment = Augmentation(AugmentationConfig(), (32, 48))
    torch.manual_seed(0)
    first, second = augment(images), augment(images)
    assert first.shape == images.shape
    assert torch.equal(first[0], first[1])
    assert torch.equal(first[0], first[2])
    assert not torch.allclose(first, images, atol=0.01)
    assert not torch.allclose(first, second, atol=0.01)
    assert 0.0 <= first.min() <= first.max() <= 1.0


def test_nothing_asked_for_is_nothing_done(images):
    assert torch.equal(Augmentation(NOTHING, (32, 48))(images), images)


def test_pictures_are_resized():
    assert Resizing((10, 20))(torch.rand(2, 3, 32, 48)).shape == (2, 3, 10, 20)


def test_a_share_beyond_the_whole_is_refused():
    with pytest.raises((ConfigError, ValueError), match="crop"):
        AugmentationConfig(crop=1.5)
