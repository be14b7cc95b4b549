import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.fake.cell import FakeArm, LockstepTimebase
from robot_daemon.hardware.devices import GripperSample
from robot_daemon.sensing.soft_sync import Ring, interpolate_arm, interpolate_gripper, reference_time_ns
from serl_api.enums import GripperMotion
from serl_api.rotation import angle_between, from_rotvec, multiply
from serl_api.values import Pose, SensorOffset

SAMPLE = FakeArm(LockstepTimebase()).read_state()


def arm(time_ns, value=0.0, quaternion=(1.0, 0.0, 0.0, 0.0)):
    return dataclasses.replace(
        SAMPLE,
        time_ns=time_ns,
        joint_positions=np.full(7, value),
        tcp_pose=Pose(np.full(3, value), np.array(quaternion)),
    )


def gripper(time_ns, width, motion=GripperMotion.MOVING):
    return GripperSample(time_ns=time_ns, width=width, target_width=0.0, motion=motion)


@given(st.integers(0, 1000))
def test_positions_are_interpolated_linearly(time_ns):
    state = interpolate_arm(arm(0, 1.0), arm(1000, 3.0), time_ns)
    assert state.time_ns == time_ns
    assert state.tcp_pose.position == pytest.approx(np.full(3, 1.0 + 2.0 * time_ns / 1000))
    assert state.joint_positions == pytest.approx(np.full(7, 1.0 + 2.0 * time_ns / 1000))


@given(st.floats(-1.5, 1.5), st.integers(1, 999), st.sampled_from([1.0, -1.0]))
def test_orientations_take_the_shorter_way(angle, time_ns, sign):
    start = (1.0, 0.0, 0.0, 0.0)
    end = tuple(sign * value for value in multiply(from_rotvec((0.0, 0.0, angle)), start))
    state = interpolate_arm(arm(0, quaternion=start), arm(1000, quaternion=end), time_ns)
    expected = multiply(from_rotvec((0.0, 0.0, angle * time_ns / 1000)), start)
    assert angle_between(tuple(state.tcp_pose.quaternion_xyzw), expected) < 1e-6


def test_beyond_the_ends_samples_are_kept_as_they_are():
    before, after = arm(10), arm(20)
    assert interpolate_arm(before, after, 5) is before
    assert interpolate_arm(before, after, 25) is after
    assert interpolate_arm(after, after, 20) is after


def test_the_gripper_width_is_interpolated_and_its_motion_is_the_nearer_one():
    state = interpolate_gripper(gripper(0, 0.08), gripper(100, 0.04, GripperMotion.AT_TARGET), 75)
    assert state.width == pytest.approx(0.05)
    assert state.motion is GripperMotion.AT_TARGET


def test_without_cameras_the_reference_time_is_the_newest():
    assert reference_time_ns([], 500) == 500


def test_one_camera_sets_the_reference_time():
    assert reference_time_ns([[100, 133, 166]], 180) == 166
    assert reference_time_ns([[100, 133, 166]], 150) == 133


def test_the_reference_time_is_the_middle_of_the_tightest_frames():
    assert reference_time_ns([[100, 200], [110, 210]], 240) == 205
    assert reference_time_ns([[100, 200], [110], [120, 190]], 240) == 110


def test_a_little_age_is_not_worth_a_little_skew_but_much_is():
    assert reference_time_ns([[100, 200], [102, 206]], 220) == 203
    assert reference_time_ns([[100, 200], [102, 260]], 240) == 101


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), min_size=1, max_size=30),
)
def test_the_reference_time_never_goes_back_while_frames_arrive(phases, order):
    """Frames arrive in any order of cameras; each camera's own in turn, a period of 100 apart."""
    arrived = [[phase - 100, phase] for phase in phases]
    last = -(10**9)
    for camera, _ in order:
        own = arrived[camera % len(arrived)]
        latest = min(stamps[-1] + 50 for stamps in arrived)
        if own[-1] - latest < 150:
            own.append(own[-1] + 100)
        latest = min(stamps[-1] + 50 for stamps in arrived)
        time_ns = reference_time_ns(arrived, latest)
        assert last <= time_ns <= latest
        last = time_ns


@given(st.lists(st.integers(0, 999), min_size=2, max_size=5))
def test_without_losses_every_frame_is_within_its_share_of_a_period(phases):
    """The largest gap between n phases is at least a period over n, so the tightest set spans at most the rest."""
    stamps = [[phase + 1000 * n for n in range(6)] for phase in phases]
    time_ns = reference_time_ns(stamps, min(own[-1] for own in stamps) + 500)
    worst = max(min(abs(stamp - time_ns) for stamp in own) for own in stamps)
    assert worst <= 1000 * (len(phases) - 1) / (2 * len(phases)) + 0.15 * 1000 + 1


def test_a_ring_finds_the_samples_around_a_time():
    ring = Ring(3)
    for time_ns in (10, 20, 30, 40):
        ring.append(arm(time_ns))
    times = [[sample.time_ns for sample in ring.around(time_ns)] for time_ns in (5, 20, 25, 30, 40, 99)]
    assert times == [[20, 20], [20, 20], [20, 30], [30, 30], [40, 40], [40, 40]]


def test_a_ring_drops_what_is_not_newer():
    ring = Ring(3)
    for time_ns in (10, 10, 5):
        ring.append(arm(time_ns))
    assert ring.around(0)[1].time_ns == 10
    assert ring.newest.time_ns == 10


def test_the_nearest_sample_wins():
    ring = Ring(3)
    ring.append(arm(10))
    ring.append(arm(20))
    assert [ring.nearest(time_ns).time_ns for time_ns in (0, 14, 16, 30)] == [10, 10, 20, 20]


def test_an_empty_ring_has_nothing():
    ring = Ring(3)
    assert (ring.newest, ring.nearest(5)) == (None, None)


@pytest.mark.parametrize(("offset", "within"), [(0, True), (-5, True), (6, False)])
def test_an_offset_beyond_its_tolerance_is_not_synchronised(offset, within):
    assert SensorOffset("arm", offset, 5).within is within


def test_a_missing_sensor_is_not_synchronised():
    assert not SensorOffset("arm", 0, 5, missing=True).within
