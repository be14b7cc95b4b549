import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_client import Pose, RobotClient
from serl_client.cli.measuring import BINS, Distribution, distance_outside, measure_steps, measure_streams

pytestmark = pytest.mark.real_time

FLOATS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=200)


@given(FLOATS)
def test_a_histogram_counts_every_value_once(values):
    counts, edges = Distribution(np.array(values)).histogram()
    assert counts.sum() == len(values)
    assert (len(counts), len(edges)) == (BINS, BINS + 1)
    assert (np.diff(edges) > 0.0).all()


@given(FLOATS)
def test_quantiles_are_ordered_and_reach_the_largest(values):
    document = Distribution(np.array(values)).document()
    assert document["p50"] <= document["p99"] <= document["max"] == max(values)


def test_nothing_measured_is_said_so():
    empty = Distribution(np.zeros(0))
    assert empty.document() == {"count": 0, "unit": "ms"}
    assert len(empty.histogram()[0]) == 0


def test_steps_in_place_move_nothing_and_keep_their_period(real_time_daemon):
    with RobotClient(real_time_daemon.address) as robot:
        before = robot.get_state().joint_positions
        with robot.control() as session:
            figures = measure_steps(robot, session, rate_hz=100.0, seconds=0.5, cameras=["front"])
        np.testing.assert_allclose(robot.get_state().joint_positions, before, atol=1e-6)
    assert figures.count == 50
    assert figures.period_error.count == 49
    # Errors sum to the drift of the whole run: each step is a tick of the daemon's grid, unless it came too late.
    assert figures.late_ticks > 0 or abs(figures.period_error.values.sum()) < 500.0
    assert (figures.request_to_applied.values > -1.0).all()
    assert (figures.round_trip.values > 0.0).all()
    assert set(figures.offsets) == {"arm", "gripper", "camera/front"}


def test_lockstep_has_round_trips_but_no_period(lockstep_daemon):
    with RobotClient(lockstep_daemon.address) as robot, robot.control() as session:
        figures = measure_steps(robot, session, rate_hz=10.0, seconds=2.0, cameras=["front"])
        states, cameras = measure_streams(robot, seconds=0.2, state_rate_hz=100.0)
    assert (figures.count, figures.round_trip.count) == (20, 20)
    assert (figures.period_error.count, figures.request_to_applied.count, figures.late_ticks) == (0, 0, 0)
    assert figures.synchronized_ratio == 1.0
    assert states.gap.count > 1
    assert cameras == {}


def test_streams_are_measured_and_lost_frames_counted(real_time_daemon, monkeypatch):
    wrist = real_time_daemon.fake.cameras["wrist"]
    read = wrist.read

    def every_third(timeout_s):
        frame = read(timeout_s)
        return frame.__class__(**{**vars(frame), "number": frame.number * 3})

    monkeypatch.setattr(wrist, "read", every_third)
    with RobotClient(real_time_daemon.address) as robot:
        until_delivering(robot)
        states, cameras = measure_streams(robot, seconds=1.0, state_rate_hz=50.0)
    assert states.asked_hz == 50.0
    assert 0.0 < states.rate_hz <= 60.0
    assert set(cameras) == {"front", "wrist"}
    assert cameras["wrist"].lost > cameras["front"].lost
    assert cameras["front"].nominal_rate_hz == 30.0
    assert (cameras["front"].age.values > -1.0).all()


def test_a_silent_camera_is_left_out(real_time_daemon):
    with RobotClient(real_time_daemon.address) as robot:
        until_delivering(robot)  # One that has not begun yet would count as silent, and then begin.
        real_time_daemon.fake.cameras["wrist"].is_delivering = False
        until_delivering(robot, "front", but="wrist")
        _, cameras = measure_streams(robot, seconds=0.2, state_rate_hz=50.0)
    assert set(cameras) == {"front"}


def until_delivering(robot, *names, but=None):
    for _ in robot.stream_states(100.0):
        cameras = robot.refresh_info().cameras
        wanted = names or tuple(cameras)
        if all(cameras[name].delivering for name in wanted) and (but is None or not cameras[but].delivering):
            return


@pytest.mark.parametrize(
    ("position", "quaternion", "named"),
    [
        ((0.4, 0.0, 0.3), (1.0, 0.0, 0.0, 0.0), ""),
        ((0.4, 0.0, 0.7), (1.0, 0.0, 0.0, 0.0), "z is 0.700 m, outside 0 to 0.6 m"),
        ((0.4, 0.0, 0.3), (0.0, 1.0, 0.0, 0.0), ""),  # Rotation is not bounded here.
    ],
)
def test_a_pose_outside_the_workspace_is_named(robot, position, quaternion, named):
    assert distance_outside(robot, Pose(np.array(position), np.array(quaternion))) == named


def test_an_orientation_outside_the_workspace_is_named(robot):
    from dataclasses import replace

    robot.info = replace(robot.info, limits=replace(robot.info.limits, workspace_rotation=0.5))
    turned = Pose(np.array((0.4, 0.0, 0.3)), np.array((0.0, 1.0, 0.0, 0.0)))
    assert distance_outside(robot, turned) == "it is turned 3.142 rad, more than 0.5 rad"
