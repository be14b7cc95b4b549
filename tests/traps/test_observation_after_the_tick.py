"""What a step returns was observed when its period was over: the state, the pictures and the object poses."""

import contextlib

import gymnasium
import numpy as np
import pytest

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import Pacing
from serl_api.values import Pose
from serl_client import CameraClient, RobotClient

pytestmark = pytest.mark.trap


def test_a_lockstep_observation_is_the_world_after_the_action(simulator_address):
    with (
        contextlib.closing(gymnasium.make("serl/PickCubeVision-v0", address=simulator_address)) as env,
        RobotClient(simulator_address) as robot,
        CameraClient(simulator_address) as cameras,
    ):
        observation, _ = env.reset(seed=0)
        for direction in (1.0, -1.0, 1.0):
            before, start_ns = observation, robot.get_state().monotonic_time_ns
            observation, *_ = env.step(np.array((0, direction, 0, 1), np.float32))
            after = robot.get_state()  # Time stands still until the next step: this is the end of the period.
            assert after.monotonic_time_ns - start_ns == 100_000_000
            np.testing.assert_array_equal(observation["tcp_pose"][:3], after.tcp_pose.position)
            # A tenth of a second is time enough for most of the 5 cm; a stale observation would show none of them.
            assert direction * (observation["tcp_pose"][1] - before["tcp_pose"][1]) > 0.02
            for camera in ("front", "wrist"):
                np.testing.assert_array_equal(observation[camera], cameras.get_frame(camera).rgb)
                assert (observation[camera] != before[camera]).mean() > 0.01


@pytest.mark.real_time
def test_a_real_time_observation_is_younger_than_its_action():
    fake = build_fake_cell(pacing=Pacing.REAL_TIME)
    server = DaemonServer(fake.cell, ServerConfig(address="127.0.0.1:0", drain_grace_s=0.1), LimitsConfig())
    with RobotClient(server.start()) as robot:
        home = robot.info.arm.home_tcp_pose
        goal = Pose(home.position + np.array((0.0, 0.02, 0.0)), home.quaternion_xyzw)
        with robot.control("trap") as session:
            for target in (home, goal, home):
                # Frames may be a tenth of a second old where the machine is busy; the period is three of them.
                result = session.step(target, period_s=0.3, cameras=("front",))
                observed, applied_ns = result.observation, result.applied_time_ns
                assert observed.state.applied_time_ns == applied_ns
                assert observed.reference_time_ns - applied_ns > 100_000_000
                assert observed.frames["front"].exposure_time_ns - applied_ns > 100_000_000
    server.stop()
