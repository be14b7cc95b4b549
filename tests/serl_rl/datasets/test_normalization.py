import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serl_rl.datasets.normalization import STD_FLOOR, Scaler, Statistics
from serl_rl.errors import DatasetError

rows = hnp.arrays(np.float64, st.tuples(st.integers(2, 20), st.just(3)), elements=st.floats(-1e3, 1e3, width=32))
ROWS = np.array([[1.0, 5.0, 0.0], [3.0, 5.0, 0.002], [5.0, 5.0, 0.004]])


@given(rows=rows, scaling=st.sampled_from(["mean-std", "zero-one", "minus-one-one", "none"]))
def test_scaling_is_undone(rows, scaling):
    scaler = Scaler(Statistics.of([rows], "x"), scaling)
    span = 1.0 + np.abs(rows).max()
    np.testing.assert_allclose(scaler.unscale(scaler.scale(rows)), rows, atol=1e-5 * span)
    tensor = torch.tensor(rows, dtype=torch.float32)
    np.testing.assert_allclose(scaler.scale(tensor).numpy(), scaler.scale(rows.astype(np.float32)), atol=1e-5)


def test_parts_of_unequal_lengths_count_by_their_rows():
    statistics = Statistics.of([ROWS[:1], ROWS[1:]], "x")
    np.testing.assert_allclose(statistics.mean, ROWS.mean(axis=0))
    np.testing.assert_allclose(statistics.std, ROWS.std(axis=0))


def test_ranges_are_those_that_were_asked_for():
    statistics = Statistics.of([ROWS], "x")
    zero_one, minus_one_one = (
        Scaler(statistics, "zero-one").scale(ROWS),
        Scaler(statistics, "minus-one-one").scale(ROWS),
    )
    np.testing.assert_allclose(zero_one[:, 0], [0.0, 0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(minus_one_one[:, 0], [-1.0, 0.0, 1.0], atol=1e-6)


def test_an_axis_that_never_moves_lies_in_the_middle():
    statistics = Statistics.of([ROWS], "x")
    for scaling, middle in (("mean-std", 0.0), ("zero-one", 0.5), ("minus-one-one", 0.0)):
        np.testing.assert_allclose(Scaler(statistics, scaling).scale(ROWS)[:, 1], middle, atol=1e-6)


def test_an_axis_that_hardly_moves_stays_small():
    scaled = Scaler(Statistics.of([ROWS], "x"), "mean-std").scale(ROWS)
    np.testing.assert_allclose(scaled[:, 2], [-0.002 / STD_FLOOR, 0.0, 0.002 / STD_FLOOR], atol=1e-6)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "no statistics .*mean"),
        ({"mean": ["a"], "std": [1], "minimum": [0], "maximum": [1]}, "no statistics"),
        ({"mean": [0], "std": [1, 2], "minimum": [0], "maximum": [1]}, "unequal lengths"),
        ({"mean": [float("nan")], "std": [1], "minimum": [0], "maximum": [1]}, "no numbers"),
    ],
)
def test_a_checkpoint_with_broken_statistics_is_refused(values, text):
    with pytest.raises(DatasetError, match=text):
        Statistics.from_dict(values)


def test_without_rows_there_are_no_statistics():
    with pytest.raises(DatasetError, match="there is no x"):
        Statistics.of([], "x")
