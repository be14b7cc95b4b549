"""The same daemon, drivers and expert before an arm with friction, false forces, a wrong payload and a bad network."""

from contextlib import closing

import numpy as np
import pytest

from serl_client import Pose, RobotClient
from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.pick_cube.expert import PickCubeExpert
from serl_tasks.pick_cube.task import PICK_CUBE

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def cell():
    for module in ("mujoco", "franky", "pymodbus"):
        pytest.importorskip(module, exc_type=ImportError)
    from simulator.virtual.cell import VirtualCell
    from simulator.virtual.imperfections import NASTY

    with VirtualCell(lost_packet_limit=500, imperfections=NASTY, seed=2) as cell:
        yield cell


def test_the_present_pose_moves_no_joint_and_a_move_arrives(cell):
    with RobotClient(cell.address) as robot, robot.control("me") as session:
        start = robot.get_state()
        for _ in range(10):
            session.step(start.tcp_pose, period_s=0.1)
        stayed = robot.get_state()
        assert np.abs(stayed.joint_positions - start.joint_positions).max() < 0.05
        goal = Pose(start.tcp_pose.position + np.array([0.0, 0.0, 0.05]), start.tcp_pose.quaternion_xyzw)
        session.move(goal, 0.3)
        arrived = robot.get_state()
    # 1 Nm of friction against 2000 N/m: a real arm stops short, too.
    assert np.linalg.norm(arrived.tcp_pose.position - goal.position) < 0.01
    assert arrived.faults == ()


@pytest.mark.slow
def test_the_expert_lifts_cubes_all_the_same(cell):
    with closing(make_training_env("serl/PickCube-v0", address=cell.address)) as env:
        episodes = [run_episode(env, PickCubeExpert(PICK_CUBE), seed=seed) for seed in range(200, 210)]
    assert sum(episode.success for episode in episodes) >= 9


@pytest.mark.slow
def test_a_cut_cable_is_a_fault_from_which_it_recovers(cell):
    """The arm refuses settings in the reflex that it falls into."""
    with RobotClient(cell.address) as robot:
        with robot.control("me") as session:
            session.step(robot.get_state().tcp_pose, period_s=0.1)
            cell.fci.inject("disconnect")
            next(state for state in robot.stream_states(50.0) if state.faults)
        next(state for state in robot.stream_states(50.0) if state.faults and all(f.clearable for f in state.faults))
        assert robot.recover().remaining == ()
        with robot.control("me again") as session:
            session.step(robot.get_state().tcp_pose, period_s=0.1)
