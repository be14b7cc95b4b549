"""Reports on a trained classifier: figures, a table of thresholds, and a plot."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from serl_rl.monitoring.figures import open_pyplot, save_figure
from serl_rl.rewards.classifier.calibration import (
    ThresholdRow,
    area_under_curve,
    cross_entropy,
    expected_calibration_error,
    recommend_threshold,
    reliability,
    softmax,
    threshold_row,
)
from serl_rl.rewards.classifier.training import TrainedClassifier

_THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierReport:
    """Holds a classifier's figures on validation episodes.

    The same frames chose the best weights, the temperature and the threshold, so that new episodes may be a little
    worse.
    """

    training_frames: dict[str, int]
    """Frames of each class that it learned from."""
    validation_frames: dict[str, int]
    """Frames of each class that it did not."""
    steps: int
    """Gradient steps of the best weights."""
    accuracy: float
    """Share of frames of which the most likely class is right, the classes weighed alike."""
    confusion: dict[str, dict[str, int]]
    """Frames by true class, then by most likely class."""
    area_under_curve: float
    """Chance that a success gets a higher probability than another frame."""
    temperature: float
    """By which scores are divided before they become probabilities."""
    cross_entropy: float
    """Of the calibrated probabilities, in nat."""
    calibration_error_before: float
    """Expected calibration error of the scores as they are."""
    calibration_error: float
    """Expected calibration error after division by the temperature."""
    recommended: ThresholdRow
    """The threshold to use, and what it does."""
    thresholds: tuple[ThresholdRow, ...]
    """What others do."""


def make_report(trained: TrainedClassifier, allowed_false_positive_rate: float = 0.0) -> ClassifierReport:
    """Evaluates a classifier on its validation frames."""
    spec, frames = trained.classifier.spec, trained.validation
    temperature = float(trained.classifier.temperature)
    calibrated = softmax(trained.validation_logits, temperature)
    raw = softmax(trained.validation_logits)[:, spec.success_index]
    probabilities, is_success = calibrated[:, spec.success_index], frames.labels == spec.success_index
    threshold = recommend_threshold(probabilities, is_success, allowed_false_positive_rate)
    confusion = _confusion(calibrated, frames.labels, spec.classes)
    hits = [confusion[name][name] / sum(confusion[name].values()) for name in spec.classes]
    return ClassifierReport(
        training_frames=trained.training.counts(),
        validation_frames=frames.counts(),
        steps=min(trained.history, key=lambda progress: progress.validation_loss).steps,
        accuracy=float(np.mean(hits)),
        confusion=confusion,
        area_under_curve=area_under_curve(probabilities, is_success),
        temperature=temperature,
        cross_entropy=cross_entropy(calibrated, frames.labels),
        calibration_error_before=expected_calibration_error(raw, is_success),
        calibration_error=expected_calibration_error(probabilities, is_success),
        recommended=threshold_row(threshold, probabilities, is_success, frames.episodes),
        thresholds=tuple(threshold_row(bar, probabilities, is_success, frames.episodes) for bar in _THRESHOLDS),
    )


def plot_report(trained: TrainedClassifier, report: ClassifierReport, output: Path) -> None:
    """Draws probabilities by class, recall and false positives by threshold, and reliability."""
    spec, frames = trained.classifier.spec, trained.validation
    probabilities = softmax(trained.validation_logits, report.temperature)[:, spec.success_index]
    is_success = frames.labels == spec.success_index
    figure, axes = open_pyplot().subplots(1, 3, figsize=(14, 4.2), constrained_layout=True)
    _draw_probabilities(axes[0], probabilities, is_success, report)
    _draw_thresholds(axes[1], probabilities, is_success, report)
    _draw_reliability(axes[2], trained, probabilities, is_success)
    figure.suptitle(f"{', '.join(spec.cameras)}: {len(frames)} frames of episodes that were not learned from")
    save_figure(figure, output)


def _draw_probabilities(axis: Any, probabilities: np.ndarray, is_success: np.ndarray, report: ClassifierReport) -> None:  # noqa: ANN401
    bins = np.linspace(0, 1, 26)
    for chosen, name, colour in ((~is_success, "no success", "tab:red"), (is_success, "success", "tab:green")):
        axis.hist(probabilities[chosen], bins, color=colour, alpha=0.6, label=f"{name} ({int(chosen.sum())})")
    _mark_threshold(axis, report)
    axis.set_yscale("symlog", linthresh=1)
    axis.set(xlabel="probability of success", ylabel="frames", title="probabilities")
    axis.legend(frameon=False)


def _draw_thresholds(axis: Any, probabilities: np.ndarray, is_success: np.ndarray, report: ClassifierReport) -> None:  # noqa: ANN401
    bars = np.linspace(0, 1, 201)
    recall = [(probabilities[is_success] >= bar).mean() for bar in bars]
    false = [(probabilities[~is_success] >= bar).mean() for bar in bars]
    axis.plot(bars, recall, color="tab:green", label="successes that pass")
    axis.plot(bars, false, color="tab:red", label="other frames that pass")
    _mark_threshold(axis, report)
    row = report.recommended
    title = f"threshold {row.threshold:.3f}: recall {row.recall:.3f}, false {row.false_positive_rate:.4f}"
    axis.set(xlabel="threshold", ylabel="share", ylim=(-0.03, 1.03), title=title)
    axis.legend(frameon=False)


def _draw_reliability(axis: Any, trained: TrainedClassifier, probabilities: np.ndarray, is_success: np.ndarray) -> None:  # noqa: ANN401
    raw = softmax(trained.validation_logits)[:, trained.classifier.spec.success_index]
    axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for values, name, colour in ((raw, "before", "0.5"), (probabilities, "calibrated", "tab:blue")):
        mean, share, weight = reliability(values, is_success)
        filled = weight > 0
        error = expected_calibration_error(values, is_success)
        axis.plot(mean[filled], share[filled], "o-", color=colour, label=f"{name}: error {error:.3f}")
    axis.set(xlabel="probability of success", ylabel="share of successes", title="reliability, classes weighed alike")
    axis.legend(frameon=False)


def _mark_threshold(axis: Any, report: ClassifierReport) -> None:  # noqa: ANN401
    axis.axvline(report.recommended.threshold, color="k", linestyle="--", linewidth=1, label="recommended")


def _confusion(probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    guesses = probabilities.argmax(axis=1)
    return {
        true: {guess: int(((labels == i) & (guesses == j)).sum()) for j, guess in enumerate(classes)}
        for i, true in enumerate(classes)
    }
