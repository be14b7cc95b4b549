import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from serl_api.pose_box import PoseBox
from serl_api.values import Pose

DOWN = np.array((1.0, 0.0, 0.0, 0.0))
BOX = PoseBox(
    center=Pose(np.array((0.5, 0.0, 0.05)), DOWN),
    lower=(-0.05, -0.04, 0.0),
    upper=(0.05, 0.04, 0.1),
    rotation=(0.01, 0.01, math.pi / 6),
)
coordinates = st.tuples(*[st.floats(-1.0, 1.0)] * 3)
turns = st.tuples(*[st.floats(-1.5, 1.5)] * 3)


def pose(position, turn):
    return Pose(np.array(position), (Rotation.from_rotvec(turn) * Rotation.from_quat(DOWN)).as_quat())


def turn_of(pose):
    return (Rotation.from_quat(pose.quaternion_xyzw) * Rotation.from_quat(DOWN).inv()).as_rotvec()


@given(coordinates, turns)
def test_a_clipped_pose_is_inside_and_clipping_again_changes_nothing(position, turn):
    clipped = BOX.clip(pose(position, turn))
    offset = clipped.position - BOX.center.position
    assert (offset >= np.array(BOX.lower) - 1e-12).all()
    assert (offset <= np.array(BOX.upper) + 1e-12).all()
    assert (np.abs(turn_of(clipped)) <= np.array(BOX.rotation) + 1e-9).all()
    again = BOX.clip(clipped)
    np.testing.assert_allclose(again.position, clipped.position)
    np.testing.assert_allclose(np.abs(again.quaternion_xyzw @ clipped.quaternion_xyzw), 1.0)


def test_each_component_is_clipped_by_itself():
    clipped = BOX.clip(pose((0.7, 0.01, 0.0), (0.0, 0.0, 0.3)))
    np.testing.assert_allclose(clipped.position, (0.55, 0.01, 0.05))
    np.testing.assert_allclose(turn_of(clipped), (0.0, 0.0, 0.3), atol=1e-12)


@pytest.mark.trap
def test_the_upside_of_the_tool_pointing_down_does_not_jump():
    for angle in (-0.5, -1e-9, 0.0, 1e-9, 0.5):
        for sign in (1.0, -1.0):
            given = pose((0.5, 0.0, 0.1), (0.0, 0.0, angle))
            clipped = BOX.clip(Pose(given.position, sign * given.quaternion_xyzw))
            np.testing.assert_allclose(turn_of(clipped), (0.0, 0.0, angle), atol=1e-9)


def test_drawn_poses_fill_the_box():
    rng = np.random.default_rng(0)
    drawn = [BOX.draw(rng) for _ in range(500)]
    offsets = np.array([pose.position - BOX.center.position for pose in drawn])
    angles = np.array([turn_of(pose) for pose in drawn])
    np.testing.assert_allclose(offsets.min(axis=0), BOX.lower, atol=0.005)
    np.testing.assert_allclose(offsets.max(axis=0), BOX.upper, atol=0.005)
    np.testing.assert_allclose(np.abs(angles).max(axis=0), BOX.rotation, rtol=0.05)


def test_crossed_bounds_are_refused():
    with pytest.raises(ValueError, match="must not be above"):
        PoseBox(center=BOX.center, lower=(0.1, 0.0, 0.0), upper=(0.0, 0.0, 0.0), rotation=(0.0, 0.0, 0.0))
