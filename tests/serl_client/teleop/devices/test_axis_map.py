import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_client.teleop.devices.axis_map import AxisMap
from serl_client.teleop.devices.spacemouse import AXES

PLAIN = AxisMap(sources=(0, 1, 2, 3, 4, 5), signs=(1,) * 6, full_scale=100.0, dead_zone=0.2, viewpoint="behind")
RAW = st.lists(st.integers(-500, 500), min_size=6, max_size=6)


@given(RAW)
def test_a_twist_is_in_the_box_and_odd(raw):
    twist = PLAIN.twist(raw)
    assert np.abs(twist).max() <= 1.0
    np.testing.assert_array_equal(PLAIN.twist([-value for value in raw]), -twist)


def test_the_dead_zone_is_zero_and_what_is_beyond_begins_without_a_jump():
    assert PLAIN.twist([20, -20, 19, 0, 0, 0]).tolist() == [0.0] * 6
    assert PLAIN.twist([21, 60, 100, -100, 250, 0]) == pytest.approx([0.0125, 0.5, 1.0, -1.0, 1.0, 0.0])


def test_scales_shorten_each_half():
    halved = dataclasses.replace(PLAIN, translation_scale=0.5, rotation_scale=0.0)
    assert halved.twist([100] * 6) == pytest.approx([0.5, 0.5, 0.5, 0.0, 0.0, 0.0])


def test_facing_the_arm_turns_left_and_away_around():
    # Away from a person who faces the arm is towards the arm's base: minus x. Up stays up.
    facing = dataclasses.replace(PLAIN, viewpoint="facing")
    assert facing.twist([100, 60, 100, 100, 60, 100]) == pytest.approx([-1.0, -0.5, 1.0, -1.0, -0.5, 1.0])


@pytest.mark.parametrize("viewpoint", ["facing", "behind"])
def test_a_spacemouse_keeps_its_handedness(viewpoint):
    """A frame that is right-handed stays so: the map of each half has determinant 1, and both halves turn alike."""
    axes = dataclasses.replace(AXES, dead_zone=0.0, viewpoint=viewpoint)
    columns = [axes.twist([350 if index == axis else 0 for index in range(6)]) for axis in range(6)]
    translation = np.stack([column[:3] for column in columns[:3]], axis=1)
    rotation = np.stack([column[3:] for column in columns[3:]], axis=1)
    assert np.linalg.det(translation) == pytest.approx(1.0)
    np.testing.assert_array_equal(translation, rotation)


def test_a_spacemouse_as_serl_reads_it():
    """SERL: (-y, x, z, -roll, -pitch, -yaw) of what pyspacemouse makes of the reports, for a person facing the arm."""
    axes = dataclasses.replace(AXES, dead_zone=0.0)
    raw = np.array((35, -70, 105, 140, -175, 210))
    x, y, z = raw[0], -raw[1], -raw[2]
    roll, pitch, yaw = -raw[4], -raw[3], raw[5]
    assert axes.twist(raw.tolist()) == pytest.approx(np.array((-y, x, z, -roll, -pitch, -yaw)) / 350.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dead_zone": 1.0}, "dead zone is 1.0"),
        ({"translation_scale": 0.0}, "translation scale is 0.0"),
        ({"rotation_scale": 1.5}, "rotation scale is 1.5"),
        ({"full_scale": 0.0}, "full scale is 0.0"),
        ({"sources": (0, 1)}, "6 sources"),
    ],
)
def test_values_that_cannot_work_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PLAIN, **change)
