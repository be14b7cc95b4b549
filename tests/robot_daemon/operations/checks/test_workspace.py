from dataclasses import replace

import numpy as np
import pytest

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.operations.checks.workspace import outside_workspace
from serl_api.rotation import from_rotvec, multiply
from serl_api.values import Pose

BOX = LimitsConfig(workspace_rotation_rad=0.5)


def turned(state, angle):
    x, y, z, w = state.tcp_pose.quaternion_xyzw.tolist()
    quaternion = np.array(multiply(from_rotvec((0.0, 0.0, angle)), (x, y, z, w)))
    return replace(state, tcp_pose=Pose(state.tcp_pose.position, quaternion))


@pytest.mark.parametrize("z", [0.0, 0.3, 0.6])
def test_inside_is_silent(arm_at, z):
    assert outside_workspace(BOX, arm_at(0, z=z)) == ""


def test_outside_is_one_sentence_with_value_bounds_and_the_way_out(arm_at):
    text = outside_workspace(BOX, arm_at(0, z=-0.1))
    assert "z = -0.100 m, outside 0 to 0.6 m" in text
    assert "guide the arm into the box by hand" in text


@pytest.mark.parametrize(
    ("angle", "is_outside"), [(0.0, False), (0.49, False), (0.51, True), (-0.51, True), (3.1, True)]
)
def test_the_orientation_counts_too(arm_at, angle, is_outside):
    assert ("turned" in outside_workspace(BOX, turned(arm_at(0), angle))) is is_outside


def test_a_rotation_that_is_not_bounded_is_never_outside(arm_at):
    assert outside_workspace(LimitsConfig(), turned(arm_at(0), 3.14)) == ""
