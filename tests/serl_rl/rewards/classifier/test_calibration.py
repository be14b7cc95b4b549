import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.rewards.classifier.calibration import (
    area_under_curve,
    balanced_weights,
    cross_entropy,
    expected_calibration_error,
    fit_temperature,
    recommend_threshold,
    softmax,
    threshold_row,
)


def test_softmax_divides_by_the_temperature():
    np.testing.assert_allclose(softmax(np.array([[0.0, np.log(9) * 2]]), 2.0), [[0.1, 0.9]])
    np.testing.assert_allclose(softmax(np.array([[1000.0, 0.0]])), [[1.0, 0.0]])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_the_temperature_that_drew_the_labels_is_found(temperature, classes):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, classes))
    cumulated = softmax(logits, temperature).cumsum(axis=1)
    labels = (rng.random((20_000, 1)) > cumulated).sum(axis=1).clip(0, classes - 1)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_a_perfect_validation_gives_no_certainty():
    logits = np.array([[0.0, -5.0]] * 8 + [[0.0, 5.0]] * 2)
    labels = np.array([0] * 8 + [1] * 2)
    probability = softmax(logits, fit_temperature(logits, labels))[-1, 1]
    assert 0.7 < probability < 0.95  # Platt: (2 + 1) / (2 + 2) and (8 + 1) / (8 + 2), one temperature for both.


def test_weights_make_classes_alike():
    weights = balanced_weights(np.array([0, 0, 0, 2]), 3)
    np.testing.assert_allclose(weights, [1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_cross_entropy_by_hand():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [0.8, 0.2]])
    expected = 0.5 * (np.log(2) + -np.log(0.8)) / 2 + 0.5 * -np.log(0.75)
    assert cross_entropy(probabilities, np.array([0, 1, 0])) == pytest.approx(expected)


def test_calibration_error_by_hand():
    probabilities = np.array([0.05, 0.05, 0.95, 0.95])
    is_success = np.array([False, False, True, False])
    # Three others weigh 1/6 each, the success 1/2. Bin 0: weight 1/3, off by 0.05; bin 9: 2/3, |0.95 - 0.75|.
    assert expected_calibration_error(probabilities, is_success) == pytest.approx(0.05 / 3 + 0.2 * 2 / 3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_area_is_the_chance_that_a_success_ranks_higher(rows):
    probabilities = np.array([value / 5 for value, _ in rows])
    is_success = np.array([flag for _, flag in rows])
    if is_success.all() or not is_success.any():
        return
    pairs = [(p > n) + 0.5 * (p == n) for p in probabilities[is_success] for n in probabilities[~is_success]]
    assert area_under_curve(probabilities, is_success) == pytest.approx(np.mean(pairs))


def test_threshold_is_between_the_worst_false_alarm_and_the_low_successes():
    is_success = np.array([False, False, False, True, True, True])
    # Above 0.6 are 0.8 and 0.9, whose 10 % quantile is 0.81.
    assert recommend_threshold(np.array([0.1, 0.2, 0.6, 0.5, 0.8, 0.9]), is_success, 0.0) == pytest.approx(0.705)
    # One of three may pass: above 0.2 are 0.5, 0.8 and 0.9 with 0.56; the middle 0.38 is too low.
    assert recommend_threshold(np.array([0.1, 0.2, 0.6, 0.5, 0.8, 0.9]), is_success, 0.4) == 0.5
    assert recommend_threshold(np.array([0.1, 0.2, 0.9, 0.5, 0.6, 0.7]), is_success, 0.0) == pytest.approx(0.95)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2), st.floats(0, 0.9))
def test_recommended_threshold_keeps_its_promise(rows, allowed):
    probabilities = np.array([value for value, _ in rows])
    is_success = np.array([flag for _, flag in rows])
    if is_success.all() or not is_success.any() or probabilities.max() == 1:
        return
    threshold = recommend_threshold(probabilities, is_success, allowed)
    assert 0.5 <= threshold <= 1
    assert (probabilities[~is_success] >= threshold).mean() <= allowed


def test_threshold_row_by_hand():
    probabilities = np.array([0.1, 0.8, 0.9, 0.2, 0.9, 0.6])
    is_success = np.array([False, False, True, False, True, True])
    episodes = np.array([0, 0, 0, 1, 1, 1])
    row = threshold_row(0.7, probabilities, is_success, episodes)
    assert (row.recall, row.false_positive_rate, row.precision) == pytest.approx((2 / 3, 1 / 3, 2 / 3))
    assert row.episodes_ended_early == 1
    assert threshold_row(0.95, probabilities, is_success, episodes).precision == 1


def test_a_failed_episode_that_passes_anywhere_ends_early():
    row = threshold_row(
        0.5, np.array([0.1, 0.6, 0.1, 0.9]), np.array([False, False, False, True]), np.array([0, 0, 0, 1])
    )
    assert row.episodes_ended_early == 1
