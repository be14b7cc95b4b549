from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robot_daemon.control.trajectories import PEAK_SPEED_RATIO, minimum_jerk, plan_cartesian, plan_joints, way_of_tool
from robot_daemon.drivers.fake.cell import FakeArm, LockstepTimebase
from robot_daemon.hardware.kinematics import SerialArm
from serl_api.values import JointTarget, Pose

ARM = FakeArm(LockstepTimebase())
HERE = ARM.read_state()


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_way_never_goes_back(a, b):
    first, second = sorted((a, b))
    assert 0.0 <= minimum_jerk(first) <= minimum_jerk(second) <= 1.0


def test_the_way_starts_and_ends_at_rest():
    step = 1e-5
    assert (minimum_jerk(0.0), minimum_jerk(1.0)) == (0.0, 1.0)
    assert minimum_jerk(step) / step < 1e-6
    assert (1.0 - minimum_jerk(1.0 - step)) / step < 1e-6


def test_the_peak_speed_ratio_is_the_largest_slope():
    ratios = np.linspace(0, 1, 2001)
    slopes = np.gradient([minimum_jerk(ratio) for ratio in ratios], ratios)
    assert slopes.max() == pytest.approx(PEAK_SPEED_RATIO, rel=1e-4)


@given(st.floats(0.02, 0.3), st.floats(0.05, 1.0))
def test_a_cartesian_path_keeps_its_speed(distance, speed):
    goal = Pose(HERE.tcp_pose.position + np.array([0, distance, 0]), HERE.tcp_pose.quaternion_xyzw)
    path = plan_cartesian(HERE, goal, speed_m_per_s=speed, rotation_rad_per_s=1.0)
    times = np.linspace(0, path.duration_s, 200)
    speeds = np.linalg.norm(np.diff([path.at(time).position for time in times], axis=0), axis=1) / np.diff(times)
    assert speeds.max() <= speed * 1.001
    assert path.at(0.0).position == pytest.approx(HERE.tcp_pose.position)
    assert path.at(path.duration_s + 1.0) is goal


def test_a_joint_path_keeps_every_joint_below_its_speed():
    goal = JointTarget(positions=np.array([0.1, 0.5, 0, 0, -1.0, 0, 0]))
    path = plan_joints(HERE, goal, ARM.info, speed_ratio=0.2)
    times = np.linspace(0, path.duration_s, 200)
    speeds = np.abs(np.diff([path.at(time).positions for time in times], axis=0)) / np.diff(times)[:, None]
    assert (speeds <= 0.2 * ARM.info.joint_speed * 1.001).all()


def test_arrival_is_judged_by_the_measured_state():
    goal = Pose(HERE.tcp_pose.position + np.array([0, 0.1, 0]), HERE.tcp_pose.quaternion_xyzw)
    reached, text = plan_cartesian(HERE, goal, speed_m_per_s=0.5, rotation_rad_per_s=1.0).error(HERE)
    assert not reached
    assert "0.100 m" in text


@given(st.integers(0, 10_000))
def test_on_a_joint_path_the_tool_keeps_its_speeds(seed):
    rng, arm = np.random.default_rng(seed), SerialArm(np.array((0.0, 0.0, 0.1)))
    start, goal = rng.uniform(-1.5, 1.5, size=(2, 7))
    way = way_of_tool(arm.parts, start, goal)
    here = replace(HERE, joint_positions=start)
    path = plan_joints(here, JointTarget(goal), ARM.info, speed_ratio=1.0, tool_way=way, tool_speed=(0.25, 1.0))
    times = np.linspace(0, path.duration_s, 200)
    parts = arm.parts(np.array([path.at(time).positions for time in times]))
    speeds = np.linalg.norm(np.diff(parts.positions[:, -1], axis=0), axis=1) / np.diff(times)
    turned = Rotation.from_matrix(parts.turns[:-1]).inv() * Rotation.from_matrix(parts.turns[1:])
    assert speeds.max() <= 0.8 * 0.25 * 1.05
    assert (turned.magnitude() / np.diff(times)).max() <= 0.8 * 1.05
