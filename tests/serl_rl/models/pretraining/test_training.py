import numpy as np
import pytest
import torch

from serl_rl.models.mlp import Arithmetic
from serl_rl.models.pretraining.config import PretrainingConfig
from serl_rl.models.pretraining.pictures import Pictures
from serl_rl.models.pretraining.training import KeypointRegressor, augmented, pretrain, summary
from serl_rl.models.vision.encoder_config import BackboneConfig, HeadConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.head import CameraHeads
from serl_rl.models.vision.weights.files import load_heads, save_weights

NAMES = (*(f"{point}_{axis}" for point in ("cube", "tcp", "tcp_to_cube") for axis in "xyz"), "gripper_width")

CONFIG = PretrainingConfig(
    scenes=300, steps=150, minutes=0, batch_size=32, learning_rate=2e-3, shift_px=0, device="cpu", threads=1
)
BLIND = "blind"


@pytest.fixture(scope="module")
def pictures():
    """One camera sees a square whose place is the cube's x and y; the other sees noise."""
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 80, (300, 36, 36, 3), dtype=np.uint8) for name in ("front", BLIND)}
    keypoints = np.zeros((300, len(NAMES)), np.float32)
    for index, (row, column) in enumerate(rng.integers(0, 27, (300, 2))):
        images["front"][index, row : row + 9, column : column + 9] = 230
        keypoints[index, :2] = column / 100, row / 100
    return Pictures(images=images, keypoints=keypoints, names=NAMES)


def build(**values):
    return make_backbone(BackboneConfig(**{"name": "small", "frozen": False} | values))


@pytest.fixture(scope="module")
def trained(pictures):
    backbone = build()
    return backbone, pretrain(backbone, pictures, CONFIG)


def test_what_a_camera_sees_is_learned_and_what_it_does_not_is_left(trained, pictures):
    errors = trained[1].reports[-1].errors
    spread = pictures.keypoints.std(0)
    assert errors["front"]["cube_x"] < 0.4 * spread[0]
    assert errors["front"]["cube_y"] < 0.4 * spread[1]
    assert errors[BLIND]["cube_x"] > 0.8 * spread[0]


def test_the_loss_counts_a_picture_by_how_well_it_shows_things(pictures):
    """Against NumPy: likelihoods weighted with the standard deviation, through which no gradient goes."""
    mean, deviation = torch.linspace(0, 0.1, 10), torch.linspace(0.05, 0.1, 10)
    shapes = {"front": build().feature_shape(36, 36)}
    regressor = KeypointRegressor(build(), shapes, mean, deviation, HeadConfig(), torch.Generator().manual_seed(0))
    images, keypoints = torch.from_numpy(pictures.images["front"][:4]), torch.from_numpy(pictures.keypoints[:4])
    output = torch.from_numpy(np.random.default_rng(0).uniform(-1.5, 1.5, (4, 20)).astype(np.float32)).requires_grad_()
    regressor.outputs[0].forward = lambda features, dtype: output
    loss = regressor.loss(images, keypoints, 0)
    loss.backward()
    found, log_variance = np.split(output.detach().numpy().astype(float), 2, axis=1)
    error = found - (keypoints.numpy() - mean.numpy()) / deviation.numpy()
    weight, precision = np.exp(0.5 * log_variance), np.exp(-log_variance)
    assert loss.item() == pytest.approx((weight * 0.5 * (error**2 * precision + log_variance)).mean(), rel=1e-5)
    expected = np.concatenate([weight * error * precision, weight * 0.5 * (1 - error**2 * precision)], axis=1) / 40
    np.testing.assert_allclose(output.grad.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_heads_start_from_those_that_were_trained_with_the_backbone(trained, tmp_path):
    backbone, result = trained
    path = tmp_path / "small.safetensors"
    save_weights(backbone, path, heads=result.heads)
    again = build(weights=path)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), backbone.parameters(), strict=True))
    shape = backbone.feature_shape(36, 36)

    def heads(**values):
        shapes = {"side": shape, "front": shape}
        return CameraHeads(shapes, HeadConfig(**values), Arithmetic(), torch.Generator().manual_seed(3))

    own = heads()
    assert load_heads(own, path) == ("front",)
    for name, value in result.heads.head("front").state_dict().items():
        assert torch.equal(own.head("front").state_dict()[name], value)
    for name, value in heads().head("side").state_dict().items():
        assert torch.equal(own.head("side").state_dict()[name], value)
    assert load_heads(heads(bottleneck=64), path) == ()
    assert load_heads(heads(pooling="average"), path) == ()


def test_all_weights_of_the_backbone_move(trained):
    fresh = build()
    moved = [not torch.equal(a, b) for a, b in zip(fresh.parameters(), trained[0].parameters(), strict=True)]
    assert all(moved)


def test_features_of_a_pretrained_backbone_say_more(trained, pictures):
    """A ridge regression on frozen maps finds the square better than on maps of random weights."""

    def error(backbone):
        with torch.no_grad():
            x = backbone(torch.from_numpy(pictures.images["front"])).mean((2, 3)).double().numpy()
        x = np.concatenate([x, np.ones((300, 1))], axis=1)
        y = pictures.keypoints[:, :2]
        own, held_out = slice(0, 200), slice(200, 300)
        weights = np.linalg.solve(x[own].T @ x[own] + 1e-4 * np.eye(x.shape[1]), x[own].T @ y[own])
        return np.sqrt(((x[held_out] @ weights - y[held_out]) ** 2).mean())

    # A share of the random features is dead or unused, so pretraining must win clearly.
    assert error(trained[0]) < 0.7 * error(build())


def test_the_same_seed_gives_the_same_weights(pictures):
    quick = PretrainingConfig(scenes=300, steps=3, minutes=0, batch_size=8, device="cpu")
    one, two = build(), build()
    assert pretrain(one, pictures, quick).reports == pretrain(two, pictures, quick).reports
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_time_ends_it_with_a_small_step(pictures):
    now = iter(range(0, 10_000, 5))
    config = PretrainingConfig(minutes=1, batch_size=4, device="cpu")
    result = pretrain(build(), pictures, config, clock=lambda: float(next(now)))
    assert result.reports[-1].steps == 12  # 5 s a step, 60 s in all.


def test_it_stops_when_told_and_reports(pictures):
    config = PretrainingConfig(steps=250, minutes=0, batch_size=4, device="cpu")
    seen = []

    def stop_at_once(progress):
        seen.append(progress)
        return False

    few = Pictures(images={"front": pictures.images["front"][:20]}, keypoints=pictures.keypoints[:20], names=NAMES)
    reports = pretrain(build(), few, config, stop_at_once).reports
    assert [progress.steps for progress in reports] == [100]
    assert seen == list(reports)
    assert "front: cube" in summary(reports[-1])


def test_augmentation_shifts_and_colours(pictures):
    images = torch.from_numpy(pictures.images["front"][:50])
    generator = torch.Generator().manual_seed(0)
    coloured = augmented(images, PretrainingConfig(shift_px=0, brightness=0.3), generator)
    gains = coloured.float().sum((1, 2)) / images.float().sum((1, 2))
    assert coloured.dtype == torch.uint8
    assert 0.65 < gains.min() < 0.8
    assert gains.std(0).min() > 0.05
    same = augmented(images, PretrainingConfig(shift_px=0, brightness=0), generator)
    assert torch.equal(same, images)
    moved = augmented(images, PretrainingConfig(shift_px=4, brightness=0), generator)
    assert moved.shape == images.shape
    assert not torch.equal(moved, images)


def test_a_frozen_backbone_is_refused(pictures):
    with pytest.raises(ValueError, match="is frozen"):
        pretrain(build(frozen=True), pictures, CONFIG)


def test_one_scene_at_least_is_learned_from(pictures):
    few = Pictures(images={"front": pictures.images["front"][:3]}, keypoints=pictures.keypoints[:3], names=NAMES)
    config = PretrainingConfig(scenes=3, steps=2, minutes=0, batch_size=4, validation_share=0.9, device="cpu")
    assert pretrain(build(), few, config).reports[-1].steps == 2


@pytest.mark.parametrize(
    "values",
    [{"scenes": 1}, {"brightness": 1.0}, {"validation_share": 0}, {"minutes": -1}, {"threads": -1}, {"seed": -1}],
)
def test_bad_settings_are_refused(values):
    ((name, value),) = values.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        PretrainingConfig(**values)
