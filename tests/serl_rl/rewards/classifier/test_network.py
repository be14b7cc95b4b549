import numpy as np
import pytest
import torch

from serl_rl.rewards.classifier.config import ClassifierConfig, ClassifierTrainingConfig
from serl_rl.rewards.classifier.network import ClassifierHead, ClassifierSpec, RewardClassifier
from tests.support.rounding import kernel_bound


def build(config, classes=("failure", "success"), sizes=None, success="success"):
    spec = ClassifierSpec(classes=classes, success_class=success, image_sizes=sizes or {"front": (36, 36)})
    return RewardClassifier(spec, config, torch.Generator().manual_seed(0))


def random_images(count=2, cameras=("front",)):
    generator = torch.Generator().manual_seed(1)
    shape = (count, 36, 36, 3)
    return {c: torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for c in cameras}


@pytest.mark.parametrize(("cameras", "millions"), [(1, 6.09), (2, 7.27), (3, 8.45)])
def test_upstream_parameter_counts(cameras, millions):
    classifier = build(ClassifierConfig(), sizes={f"camera {i}": (128, 128) for i in range(cameras)})
    count = sum(parameter.numel() for parameter in classifier.parameters())
    assert count == 4_905_792 + cameras * 1_114_880 + (256 * cameras * 256 + 256) + 512 + 257
    # Counted upstream with the encoder of 256 features for each camera.
    assert count / 1e6 == pytest.approx(millions, abs=0.006)


def test_head_agrees_with_numpy():
    head = ClassifierHead(5, 2, ClassifierConfig(hidden_size=7), torch.Generator().manual_seed(0)).eval()
    torch.manual_seed(0)
    for parameter in head.parameters():
        parameter.data += torch.randn_like(parameter)
    weights = {name: value.detach().double().numpy() for name, value in head.named_parameters()}
    x = np.random.default_rng(0).standard_normal((3, 5))
    h = x @ weights["hidden.weight"].T + weights["hidden.bias"]
    h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-6)
    h = np.maximum(h * weights["normalization.weight"] + weights["normalization.bias"], 0)
    expected = h @ weights["output.weight"].T + weights["output.bias"]
    np.testing.assert_allclose(head(torch.from_numpy(x).float()).detach().numpy(), expected, atol=1e-4)


@pytest.mark.trap
def test_every_layer_after_the_frozen_backbone_receives_a_gradient(small_config):
    """The rival's bug: pooling and bottleneck inside no_grad, so that only the last layers learn."""
    classifier = build(small_config).train()
    labels = torch.tensor([0, 1])
    torch.nn.functional.cross_entropy(classifier(random_images()), labels).backward()
    trained = dict(classifier.encoder.heads.named_parameters()) | dict(classifier.head.named_parameters())
    assert {name: p.grad.abs().sum() > 0 for name, p in trained.items()} == dict.fromkeys(trained, True)
    assert all(p.grad is None for p in classifier.encoder.backbones.parameters())


def test_two_classes_have_one_output_and_n_have_n(small_config):
    two = build(small_config).eval()
    assert two.head.output.out_features == 1
    logits = two(random_images())
    assert logits.shape == (2, 2)
    assert not logits[:, 0].any()
    torch.testing.assert_close(two.calibrated(logits)[:, 1], torch.sigmoid(logits[:, 1]))
    three = build(small_config, ("up", "down", "lost"), success="up").eval()
    assert three(random_images()).shape == (2, 3)


def test_classify_reads_one_observation_and_calibrates(small_config):
    classifier = build(small_config, sizes={"wrist": (36, 36), "front": (36, 36)}).eval()
    classifier.temperature.fill_(4.0)
    images = random_images(1, ("front", "wrist"))
    observation = {name: value[0].numpy() for name, value in images.items()} | {"state": np.zeros(3)}
    probabilities = classifier.classify(observation)

    @torch.no_grad()
    def expected():
        return torch.softmax(classifier(images) / 4, -1)[0].numpy()

    bound = kernel_bound(expected)
    np.testing.assert_allclose(probabilities, expected(), rtol=0, atol=bound)
    stacked = observation | {"front": np.stack([np.zeros((36, 36, 3), np.uint8), observation["front"]])}
    np.testing.assert_allclose(classifier.classify(stacked), expected(), rtol=0, atol=bound)
    with pytest.raises(ValueError, match="no camera 'wrist'"):
        classifier.classify({"front": observation["front"]})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"classes": ("a",), "success_class": "a"}, "at least two"),
        ({"classes": ("a", "a"), "success_class": "a"}, "different"),
        ({"classes": ("a", "b")}, "success_class is 'success'"),
    ],
)
def test_bad_specs_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        ClassifierSpec(image_sizes={"front": (36, 36)}, **values)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="hidden_size is 0"):
        ClassifierConfig(hidden_size=0)
    for name, value in {"steps": 0, "validation_share": 1.0, "learning_rate": 0, "shift_px": -1}.items():
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            ClassifierTrainingConfig(**{name: value})
