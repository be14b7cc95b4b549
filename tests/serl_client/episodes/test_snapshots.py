import dataclasses
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_api.values import SensorOffset
from serl_client.episodes.snapshots import SnapshotLog
from serl_client.robot import RobotClient
from tests.support.daemons import serve


@pytest.fixture(scope="module")
def observations():
    """What a real session of a fake cell observes: at the start, and after two steps."""
    daemon = serve(pacing=Pacing.LOCKSTEP)
    try:
        with RobotClient(daemon.address) as client, client.control() as session:
            return [session.step(period_s=0.1, cameras=("front",)).observation for _ in range(3)]
    finally:
        daemon.stop()


class ShowingEnv(gymnasium.Env):
    snapshot = None


def arrays_of(observations):
    env = ShowingEnv()
    log = SnapshotLog(env)
    for env.snapshot in observations:
        log.take()
    return SimpleNamespace(**log.arrays())


def test_joints_stamps_and_frames_are_kept(observations):
    arrays = arrays_of(observations)
    joints = np.stack([one.state.joint_torques for one in observations])
    np.testing.assert_array_equal(arrays.sensors["joint_torques"], joints)
    start_ns = observations[0].reference_time_ns
    exposures = [one.frames["front"].exposure_time_ns - start_ns for one in observations]
    assert arrays.sensor_stamps_ns["camera/front"].tolist() == exposures
    numbers = [one.frames["front"].frame_number for one in observations]
    assert arrays.frame_numbers["front"].tolist() == [number - numbers[0] for number in numbers]


def test_a_camera_that_misses_a_step_keeps_the_stamp_of_the_frame_that_stands_in(observations):
    missing = SensorOffset("camera/front", 0, 10, missing=True)
    gap = dataclasses.replace(observations[1], frames={}, offsets={**observations[1].offsets, "camera/front": missing})
    arrays = arrays_of([observations[0], gap, observations[2]])
    stamps = arrays.sensor_stamps_ns["camera/front"]
    assert stamps[1] == stamps[0] < stamps[2]
    assert arrays.frame_numbers["front"][1] == 0


def test_of_an_environment_without_a_robot_nothing_is_kept():
    log = SnapshotLog(gymnasium.Env())
    log.take()
    assert log.arrays() == {}
