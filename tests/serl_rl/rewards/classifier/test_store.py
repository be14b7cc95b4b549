import json

import numpy as np
import pytest
import torch

from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.rewards.classifier.store import MANIFEST, WEIGHTS, load_classifier, save_classifier


@pytest.fixture
def classifier(small_config):
    spec = ClassifierSpec(
        classes=("up", "down", "lost"), success_class="down", image_sizes={"wrist": (36, 36), "front": (40, 36)}
    )
    classifier = RewardClassifier(spec, small_config, torch.Generator().manual_seed(3)).eval()
    classifier.temperature.fill_(1.7)
    return classifier


@pytest.fixture
def observation():
    rng = np.random.default_rng(0)
    return {
        "front": rng.integers(0, 256, (40, 36, 3), dtype=np.uint8),
        "wrist": rng.integers(0, 256, (36, 36, 3), dtype=np.uint8),
    }


@pytest.fixture
def saved(classifier, tmp_path):
    save_classifier(classifier, 0.8, tmp_path / "saved", {"sources": ["a"]})
    return tmp_path / "saved"


def test_what_was_saved_says_the_same(classifier, saved, observation):
    loaded = load_classifier(saved)
    assert loaded.threshold == 0.8
    assert loaded.manifest["sources"] == ["a"]
    assert loaded.classifier.spec == classifier.spec
    assert loaded.classifier.spec.cameras == ("wrist", "front")
    np.testing.assert_array_equal(loaded.classifier.classify(observation), classifier.classify(observation))
    assert not loaded.classifier.training
    assert not any(parameter.requires_grad for parameter in loaded.classifier.parameters())
    assert {file.name for file in saved.iterdir()} == {MANIFEST, WEIGHTS}


def test_the_file_of_pretrained_weights_is_not_needed_any_more(tmp_path, observation):
    from torchvision import models

    torch.manual_seed(0)
    torch.save(models.mobilenet_v3_small(weights=None).state_dict(), tmp_path / "weights.pth")
    from serl_rl.rewards.classifier.config import ClassifierConfig

    backbone = BackboneConfig(name="mobilenet", weights=tmp_path / "weights.pth")
    config = ClassifierConfig(encoder=EncoderConfig(backbone=backbone, head=HeadConfig(bottleneck=8)), hidden_size=8)
    spec = ClassifierSpec(image_sizes={"wrist": (36, 36)})
    classifier = RewardClassifier(spec, config, torch.Generator()).eval()
    save_classifier(classifier, 0.5, tmp_path / "saved")
    (tmp_path / "weights.pth").unlink()
    loaded = load_classifier(tmp_path / "saved").classifier
    np.testing.assert_array_equal(loaded.classify(observation), classifier.classify(observation))


def test_nothing_is_written_over(classifier, saved):
    before = (saved / MANIFEST).read_bytes()
    with pytest.raises(ClassifierError, match="exists already"):
        save_classifier(classifier, 0.1, saved)
    assert (saved / MANIFEST).read_bytes() == before


def _change(saved, **values):
    manifest = json.loads((saved / MANIFEST).read_text())
    (saved / MANIFEST).write_text(json.dumps(manifest | values))


def test_a_foreign_or_damaged_folder_is_refused_in_one_sentence(saved, tmp_path):
    cases = {
        "it has no manifest.json": lambda: None,
        "does not say format": lambda: _change(saved, format="serl-checkpoint"),
        "has format version 2": lambda: _change(saved, format="serl-classifier", format_version=2),
        "has changed since": lambda: _change(saved, format_version=1, sha256="0"),
        "cannot be read": lambda: (saved / MANIFEST).write_text("{"),
    }
    for words, damage in cases.items():
        damage()
        with pytest.raises(ClassifierError, match=words) as caught:
            load_classifier(tmp_path if words == "it has no manifest.json" else saved)
        assert "\n" not in str(caught.value)


def test_weights_of_another_size_are_refused(saved):
    config = json.loads((saved / MANIFEST).read_text())["config"]
    _change(saved, config=config | {"hidden_size": 5})
    with pytest.raises(ClassifierError, match="is damaged"):
        load_classifier(saved)
