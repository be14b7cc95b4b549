import dataclasses

import numpy as np
import pytest
import torch

from serl_rl.rewards.classifier.calibration import fit_temperature
from serl_rl.rewards.classifier.config import ClassifierTrainingConfig
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.examples import load_examples
from serl_rl.rewards.classifier.report import make_report, plot_report
from serl_rl.rewards.classifier.training import train_classifier

TRAINING = ClassifierTrainingConfig(
    steps=40, check_steps=10, batch_size=32, learning_rate=2e-3, validation_share=0.25, cached_shifts=2, device="cpu"
)


@pytest.fixture(scope="module")
def examples(squares):
    return load_examples([squares], {})


@pytest.fixture(scope="module")
def trained(examples, small_config):
    return train_classifier(examples, small_config, TRAINING)


def unfrozen(config):
    backbone = dataclasses.replace(config.encoder.backbone, frozen=False)
    return dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, backbone=backbone))


def test_new_episodes_are_told_apart(trained, make_labelled_episode):
    episode = make_labelled_episode([0, 1] * 10, seed=99)
    hits = [
        (trained.classifier.classify({k: v[i] for k, v in episode.observations.items()})[1] > 0.5) == bool(i % 2)
        for i in range(20)
    ]
    assert np.mean(hits) >= 0.95
    assert not trained.classifier.training


def test_a_frozen_backbone_stays_and_the_rest_moves(trained, small_config):
    from serl_rl.rewards.classifier.network import RewardClassifier

    fresh = RewardClassifier(trained.classifier.spec, small_config, torch.Generator().manual_seed(TRAINING.seed))
    after = trained.classifier.state_dict()
    moved = {name for name, value in fresh.state_dict().items() if not torch.equal(value, after[name])}
    assert not any(name.startswith("encoder.backbones") for name in moved)
    heads = [name for name, _ in fresh.named_parameters() if not name.startswith("encoder.backbones")]
    assert moved == {*heads, "temperature"}


def test_a_backbone_that_is_tuned_moves(examples, small_config):
    quick = dataclasses.replace(TRAINING, steps=3, check_steps=3, batch_size=8)
    tuned = train_classifier(examples, unfrozen(small_config), quick)
    start = train_classifier(examples, unfrozen(small_config), dataclasses.replace(quick, learning_rate=1e-12))
    one, two = (t.classifier.encoder.backbones[0].convolutions[0].weight for t in (tuned, start))
    assert (one - two).abs().max() > 1e-4


def test_the_same_seed_gives_the_same_classifier(examples, small_config, trained):
    again = train_classifier(examples, small_config, TRAINING)
    for name, value in trained.classifier.state_dict().items():
        assert torch.equal(value, again.classifier.state_dict()[name]), name


def test_the_best_validation_is_kept(examples, small_config):
    wild = dataclasses.replace(TRAINING, steps=12, check_steps=1, learning_rate=0.03)
    trained = train_classifier(examples, small_config, wild)
    report = make_report(trained)
    losses = [progress.validation_loss for progress in trained.history]
    assert len(losses) == 12
    assert report.steps == 1 + int(np.argmin(losses))
    from serl_rl.rewards.classifier.calibration import cross_entropy, softmax

    kept = cross_entropy(softmax(trained.validation_logits), trained.validation.labels)
    assert kept == pytest.approx(min(losses), rel=0.05, abs=0.01)  # Maps are bfloat16 during the training.


def test_the_temperature_is_fitted_on_what_was_not_learned_from(trained):
    expected = fit_temperature(trained.validation_logits, trained.validation.labels)
    assert float(trained.classifier.temperature) == pytest.approx(expected)
    assert not set(trained.training.episodes) & set(trained.validation.episodes)


def test_training_stops_when_told(examples, small_config):
    stopped = train_classifier(examples, small_config, TRAINING, on_progress=lambda progress: progress.steps < 20)
    assert [progress.steps for progress in stopped.history] == [10, 20]


def test_several_classes(tmp_path, make_frame, make_labelled_episode, write_episodes, small_config):
    files = {}
    for number, name in enumerate(("dark", "grey", "bright")):
        episodes = []
        for seed in range(4):
            rng = np.random.default_rng([number, seed])
            images = np.stack([make_frame(number > 0, rng, shade=(0, 130, 255)[number]) for _ in range(8)])
            episode = make_labelled_episode([0] * 8, labels=None, cameras=())
            episodes.append(dataclasses.replace(episode, observations={"front": images}))
        files[name] = [write_episodes(tmp_path / name, episodes)]
    trained = train_classifier(load_examples([], files), small_config, TRAINING, success_class="bright")
    report = make_report(trained)
    assert report.accuracy > 0.9
    assert sum(report.confusion["grey"].values()) == report.validation_frames["grey"]
    with pytest.raises(ClassifierError, match="no class 'success' to be success; there are dark, grey, bright"):
        train_classifier(load_examples([], files), small_config, TRAINING)


def test_the_report_counts_the_validation_frames(trained, tmp_path):
    report = make_report(trained)
    assert report.training_frames == {"failure": 36, "success": 18}
    assert report.validation_frames == {"failure": 12, "success": 6}
    assert report.accuracy > 0.9
    assert report.recommended.false_positive_rate == 0
    thresholds = [row.threshold for row in report.thresholds]
    assert thresholds == sorted(thresholds)
    recalls = [row.recall for row in report.thresholds]
    assert recalls == sorted(recalls, reverse=True)
    plot_report(trained, report, tmp_path / "report.png")
    from PIL import Image

    with Image.open(tmp_path / "report.png") as image:
        assert image.width > 1000
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 50
