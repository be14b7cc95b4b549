"""Calibrates probabilities by a temperature, and recommends thresholds.

Every number here weighs the classes alike, however many frames each has: a probability of 0.9 is right nine times in
ten if success and failure are equally likely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LOWEST_LOG_TEMPERATURE, _HIGHEST_LOG_TEMPERATURE = -4.0, 4.0
_GOLDEN = (math.sqrt(5) - 1) / 2
_SEARCH_STEPS = 60
_BINS = 10
_LOWEST_THRESHOLD = 0.5
_LOW_QUANTILE = 0.1


@dataclass(frozen=True, kw_only=True)
class ThresholdRow:
    """Evaluates a threshold on the probability of success."""

    threshold: float
    """Probability from which a frame counts as success."""
    recall: float
    """Share of the successes that pass."""
    false_positive_rate: float
    """Share of the other frames that pass."""
    precision: float
    """Share of the passing frames that are successes, as the frames are; 1 if none passes."""
    episodes_ended_early: int
    """Episodes with a frame that passes before the first success, or without one: there training would stop wrongly."""


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Computes probabilities of scores. Shape (N, C) to (N, C)."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fits the temperature with the smallest cross entropy (Guo et al. 2017, arXiv:1706.04599).

    Targets are softened as if each class had one more frame of every other class (Platt 1999), so that a perfect
    validation, which would ask for certainty, still gives a finite answer.

    Args:
        logits: Scores. Shape (N, C).
        labels: Index of each frame's class. Shape (N,).

    Returns:
        The temperature, in [0.018, 55].
    """
    targets, weights = _softened(labels, logits.shape[1]), balanced_weights(labels, logits.shape[1])

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits, math.exp(log_temperature))
        return float(-(weights[:, None] * targets * np.log(probabilities + 1e-300)).sum())

    low, high = _LOWEST_LOG_TEMPERATURE, _HIGHEST_LOG_TEMPERATURE
    for _ in range(_SEARCH_STEPS):  # Golden section: the loss has one minimum.
        span = _GOLDEN * (high - low)
        if loss(high - span) < loss(low + span):
            high = low + span
        else:
            low = high - span
    return math.exp((low + high) / 2)


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Computes weights of frames that sum to 1 and give each class that occurs as much as any other. Shape (N,)."""
    counts = np.bincount(labels, minlength=classes)
    return 1 / (np.count_nonzero(counts) * counts[labels])


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Computes the mean of -log probability of the true class, in nat, the classes weighed alike."""
    weights = balanced_weights(labels, probabilities.shape[1])
    return float(-(weights * np.log(probabilities[np.arange(len(labels)), labels] + 1e-12)).sum())


def reliability(probabilities: np.ndarray, is_success: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measures how often frames of each range of probability are successes.

    Args:
        probabilities: Of success. Shape (N,).
        is_success: Whether it is one. Shape (N,).

    Returns:
        Mean probability, share of successes and weight of each of 10 ranges; NaN, NaN and 0 for an empty one.
    """
    weights = balanced_weights(is_success.astype(np.int64), 2)
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    total = np.bincount(bins, weights, _BINS)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bins, weights * probabilities, _BINS) / total
        share = np.bincount(bins, weights * is_success, _BINS) / total
    return mean, share, total


def expected_calibration_error(probabilities: np.ndarray, is_success: np.ndarray) -> float:
    """Computes the mean distance of probability and share of successes over 10 ranges; 0 is perfect."""
    mean, share, weight = reliability(probabilities, is_success)
    filled = weight > 0
    return float((weight[filled] * np.abs(mean[filled] - share[filled])).sum())


def area_under_curve(probabilities: np.ndarray, is_success: np.ndarray) -> float:
    """Computes the chance that a success has a higher probability than another frame: 1 is perfect, 0.5 none."""
    positive, negative = np.sort(probabilities[is_success]), np.sort(probabilities[~is_success])
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return float(below.sum() / (2 * len(positive) * len(negative)))


def recommend_threshold(probabilities: np.ndarray, is_success: np.ndarray, allowed_false_positive_rate: float) -> float:
    """Finds a threshold that lets no more than a share of the other frames pass.

    It lies in the middle between the highest probability that must not pass and the 10 % quantile of the successes
    above it, and is never below 0.5: a success lasts for several frames, a false one ends the episode at once.

    Args:
        probabilities: Of success. Shape (N,).
        is_success: Whether it is one; both kinds occur. Shape (N,).
        allowed_false_positive_rate: Share of the other frames that may pass, in [0, 1).

    Returns:
        The threshold, in [0.5, 1].
    """
    others = np.sort(probabilities[~is_success])[::-1]
    highest = float(others[min(int(allowed_false_positive_rate * len(others)), len(others) - 1)])
    above = probabilities[is_success & (probabilities > highest)]
    low = float(np.quantile(above, _LOW_QUANTILE)) if len(above) else 1.0
    return max((highest + low) / 2, _LOWEST_THRESHOLD)


def threshold_row(
    threshold: float, probabilities: np.ndarray, is_success: np.ndarray, episodes: np.ndarray
) -> ThresholdRow:
    """Evaluates a threshold on labelled frames; within an episode they are in order of time. Shapes (N,)."""
    passes = probabilities >= threshold
    early = 0
    for episode in np.unique(episodes):
        own = episodes == episode
        first_success = int(np.argmax(is_success[own])) if is_success[own].any() else int(own.sum())
        early += bool(passes[own][:first_success].any())
    return ThresholdRow(
        threshold=threshold,
        recall=float(passes[is_success].mean()),
        false_positive_rate=float(passes[~is_success].mean()),
        precision=float(is_success[passes].mean()) if passes.any() else 1.0,
        episodes_ended_early=early,
    )


def _softened(labels: np.ndarray, classes: int) -> np.ndarray:
    counts = np.bincount(labels, minlength=classes)
    rest = 1 / (counts[labels] + classes)
    targets = np.repeat(rest[:, None], classes, axis=1)
    targets[np.arange(len(labels)), labels] = 1 - (classes - 1) * rest
    return targets
