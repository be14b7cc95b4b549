import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.robotiq import RobotiqOptions
from robot_daemon.drivers.robotiq.scale import MODELS
from serl_api.values import GripperTarget

ends = st.tuples(st.integers(0, 40), st.integers(180, 255))
models = st.sampled_from(sorted(MODELS))
shares = st.floats(0.0, 1.0)


def scale(model="2f-85", calibrated=(3, 230), **options):
    opened, closed = calibrated
    return RobotiqOptions(port="/dev/null", model=model, open_counts=opened, closed_counts=closed, **options).scale


@given(models, ends, shares)
def test_a_width_survives_its_counts_within_half_a_count(model, calibrated, share):
    counts = scale(model, calibrated)
    width = share * counts.stroke
    assert abs(counts.width(counts.position(width)) - width) <= 0.5 * counts.width_per_count + 1e-12


@given(models, ends, shares, shares)
def test_wider_never_means_more_counts(model, calibrated, first, second):
    counts = scale(model, calibrated)
    narrow, wide = sorted((first * counts.stroke, second * counts.stroke))
    assert counts.position(narrow) >= counts.position(wide)


@given(models, ends, st.integers(0, 255))
def test_a_measured_width_is_within_the_stroke(model, calibrated, position):
    counts = scale(model, calibrated)
    assert 0.0 <= counts.width(position) <= counts.stroke


@pytest.mark.parametrize("model", MODELS)
def test_the_ends_ask_for_the_whole_range(model):
    counts = scale(model)
    assert (counts.position(0.0), counts.position(counts.stroke)) == (255, 0)
    assert (counts.width(230), counts.width(3)) == (0.0, pytest.approx(counts.stroke))


@pytest.mark.parametrize(
    ("model", "stroke", "speeds", "forces"),
    [
        ("2f-85", 0.085, (0.020, 0.150), (20.0, 235.0)),
        ("2f-140", 0.140, (0.030, 0.250), (10.0, 125.0)),
        ("hand-e", 0.050, (0.020, 0.150), (20.0, 185.0)),
    ],
)
def test_speed_and_force_span_the_ratings_of_the_manual(model, stroke, speeds, forces):
    counts = scale(model)
    assert counts.stroke == stroke
    assert [counts.speed(speed) for speed in (*speeds, 0.001, 9.0)] == [0, 255, 0, 255]
    assert [counts.force(force) for force in (*forces, 0.001, 999.0)] == [0, 255, 0, 255]


@given(models, st.floats(0.03, 0.15), st.floats(20.0, 125.0))
def test_a_speed_and_a_force_survive_their_counts(model, speed, force):
    counts, ratings = scale(model), MODELS[model]
    back = ratings.min_speed + counts.speed(speed) / 255 * (ratings.max_speed - ratings.min_speed)
    assert abs(back - speed) <= 0.5 / 255 * (ratings.max_speed - ratings.min_speed) + 1e-12
    back = ratings.min_force + counts.force(force) / 255 * (ratings.max_force - ratings.min_force)
    assert abs(back - force) <= 0.5 / 255 * (ratings.max_force - ratings.min_force) + 1e-9


def test_zero_means_the_defaults():
    counts = scale(default_speed_m_per_s=0.05, default_force_n=100.0)
    command = counts.command(GripperTarget(width=0.04))
    assert (command.speed, command.force) == (counts.speed(0.05), counts.force(100.0))
    assert (command.activate, command.go) == (True, True)
    assert scale().command(GripperTarget(width=0.04)).force == round(255 / 4)


def test_other_finger_tips_change_the_stroke():
    assert scale(stroke_m=0.05).width(3) == pytest.approx(0.05)
