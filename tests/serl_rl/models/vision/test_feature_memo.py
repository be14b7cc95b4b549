import numpy as np
import pytest
import torch

from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.feature_memo import FeatureMemo


def build(**values):
    return make_backbone(BackboneConfig(**{"name": "small"} | values))


def images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 36, 36, 3), dtype=np.uint8)


def test_equal_images_are_computed_once_and_others_anew():
    backbone = build()
    calls = []
    backbone.register_forward_hook(lambda *_: calls.append(1))
    memo = FeatureMemo(backbone, kept=2)
    one, two, three = images(3)
    first = memo.maps(one)
    assert memo.maps(one.copy()) is first
    torch.testing.assert_close(memo.maps(two), build()(torch.from_numpy(two)[None]))
    assert len(calls) == 2
    memo.maps(three)
    memo.maps(one)  # Forgotten meanwhile.
    assert len(calls) == 4


def test_an_image_that_is_overwritten_later_is_not_mistaken():
    memo = FeatureMemo(build())
    buffer, other = images(2)
    before = memo.maps(buffer)
    buffer[:] = other
    assert not torch.equal(memo.maps(buffer), before)


def test_only_equal_frozen_backbones_fit():
    memo = FeatureMemo(build())
    assert memo.fits(memo.backbone)
    assert memo.fits(build())
    assert not memo.fits(build(seed=1))
    assert not memo.fits(build(frozen=False))
    assert not memo.fits(build(name="resnet10"))
    assert not memo.fits(build().to(torch.bfloat16))
    assert FeatureMemo(build().to(torch.bfloat16)).fits(build())  # What it computes is theirs, rounded.
    with pytest.raises(ValueError, match="not frozen"):
        FeatureMemo(build(frozen=False))
