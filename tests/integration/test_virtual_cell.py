"""The same environment, unchanged, over libfranka, Modbus and the real daemon in real time."""

import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import serl_client
from serl_client import RobotClient
from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.pick_cube.expert import PickCubeExpert
from serl_tasks.pick_cube.task import PICK_CUBE

pytestmark = pytest.mark.real_time

STEPPING_CLIENT = Path(__file__).parent.parent / "conformance" / "stepping_client.py"
HOLD_NS = 300_000_000
"""How long after its client's death an arm may move on: the kernel ends the stream, then it brakes."""
WAIT_S = 60.0
RINGING_M = 0.003
"""How far a compliant arm may still swing about the pose that it holds."""


@pytest.fixture(scope="module")
def cells():
    """The cell of all tests; none yet, or none any more where a test has ended it."""
    living = []
    yield living
    for cell in living:
        cell.close()


@pytest.fixture
def cell(cells):
    """A cell whose daemon lives."""
    for module in ("mujoco", "franky", "pymodbus"):
        pytest.importorskip(module, exc_type=ImportError)
    from simulator.virtual.cell import VirtualCell
    from simulator.virtual.imperfections import Imperfections

    if not cells:
        found = Imperfections(posture_seed=11)  # Found anywhere, not at home.
        cells.append(VirtualCell(lost_packet_limit=500, imperfections=found))
        cells[0].start()
    yield cells[0]
    if cells[0].daemon.poll() is not None:
        cells.pop().close()


def pick(cell, seeds):
    with closing(make_training_env("serl/PickCube-v0", address=cell.address)) as env:
        return [run_episode(env, PickCubeExpert(PICK_CUBE), seed=seed) for seed in seeds]


def test_the_expert_lifts_the_cube_with_a_real_driver_stack_in_steps_of_their_period(cell):
    (episode,) = pick(cell, (0,))
    assert episode.success
    assert np.median(np.diff(episode.stamps_ns)) == pytest.approx(0.1e9, abs=0.02e9)


def test_a_tool_that_comes_to_the_base_folds_no_joint_to_its_limit(cell):
    """Without a wall before it, joint 4 of a Panda reaches its limit here, and the arm stops by itself."""
    with RobotClient(cell.address) as robot, robot.control("me") as session:
        session.reset(seed=5)
        for _ in range(80):
            measured = robot.get_state().tcp_pose
            way = np.array([0.2, 0.0, 0.05]) - measured.position
            if measured.position[0] < 0.25:
                break
            way *= min(1.0, 0.03 / float(np.linalg.norm(way)))
            session.step(serl_client.Pose(measured.position + way, measured.quaternion_xyzw), period_s=0.1)
        folded = robot.get_state()
    assert folded.faults == ()
    assert folded.tcp_pose.position[0] < 0.25
    assert -3.02 < folded.joint_positions[3] < -2.8


@pytest.mark.slow
def test_twenty_cubes_are_lifted_one_after_the_other(cell):
    episodes = pick(cell, range(100, 120))
    assert [episode.success for episode in episodes] == [True] * 20


def test_the_truth_of_the_virtual_arm_is_what_the_client_sees(cell):
    with RobotClient(cell.address) as robot, robot.control("me") as session:
        observation = session.reset(seed=5)
        truth = cell.fci.state()
        seen = robot.get_state()
    np.testing.assert_allclose(seen.joint_positions, truth["positions"], atol=2e-3)
    np.testing.assert_allclose(
        observation.tracked_objects["cube"].pose.position, truth["objects"]["cube"]["position"], atol=2e-3
    )


def test_a_killed_client_leaves_an_arm_that_holds(cell):
    with RobotClient(cell.address) as robot, robot.control("set-up") as session:
        session.reset(seed=0)
    client = subprocess.Popen([sys.executable, str(STEPPING_CLIENT), cell.address], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "stepping\n"
    killed_ns = time.monotonic_ns()
    client.send_signal(signal.SIGKILL)
    client.communicate()
    with RobotClient(cell.address) as robot:
        next(state for state in robot.stream_states(100.0) if not state.control_holder)
        start = time.monotonic()
        while time.monotonic() - start < 1.0:
            next(robot.stream_states(50.0))
    log = cell.fci.log()
    held = log[log["time_ns"] > killed_ns + HOLD_NS]["flange_position"]
    assert len(held) > 100
    assert np.linalg.norm(held - held[0], axis=1).max() < RINGING_M


def test_a_user_stop_is_said_and_only_a_recovery_ends_it(cell):
    with RobotClient(cell.address) as robot:
        with robot.control("me") as session:
            session.reset(seed=1)
            cell.fci.inject("user_stop")
            next(state for state in robot.stream_states(200.0) if state.faults)
            with pytest.raises(serl_client.FaultError, match="user stop"):
                session.step(robot.info.arm.home_tcp_pose, period_s=0.05)
        assert robot.recover().remaining != ()
        cell.fci.inject("release_user_stop")
        next(state for state in robot.stream_states(100.0) if all(fault.clearable for fault in state.faults))
        assert robot.recover().remaining == ()
        with robot.control("me again") as session:
            session.step(robot.info.arm.home_tcp_pose, period_s=0.05)


def test_sigterm_in_motion_brings_the_arm_to_rest_and_exits_with_0(cell):
    with RobotClient(cell.address) as robot, robot.control("me") as session:
        pose = session.reset(seed=2).state.tcp_pose
        away = serl_client.Pose(pose.position + np.array([0.0, 0.2, 0.1]), pose.quaternion_xyzw)
        start_ns = time.monotonic_ns()
        told = []

        def end_daemon(progress):
            if progress.progress_ratio > 0.3 and not told:  # A second signal would not wait for rest.
                told.append(True)
                cell.daemon.signal(signal.SIGTERM)

        with pytest.raises(serl_client.RobotError):
            session.move(away, 0.3, on_progress=end_daemon)
    assert cell.daemon.wait(WAIT_S) == 0
    assert "daemon_stopped at_rest=true" in cell.daemon.log()
    log = cell.fci.log()
    assert np.abs(log[log["time_ns"] > start_ns]["velocities"]).max() > 0.05
    truth = cell.fci.state()
    assert np.abs(truth["velocities"]).max() < 0.01
    assert truth["faults"] == [], "the arm was let go of, not lost"
