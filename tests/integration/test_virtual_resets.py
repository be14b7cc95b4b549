"""Resets out of a socket over libfranka, Modbus and the real daemon in real time, again and again."""

import pytest

from serl_client import RobotClient
from serl_client.envs.registration import make_training_env
from serl_tasks.peg_insert.expert import PegInsertExpert
from serl_tasks.peg_insert.task import PEG_INSERT

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def cell():
    for module in ("mujoco", "franky", "pymodbus"):
        pytest.importorskip(module, exc_type=ImportError)
    from simulator.virtual.cell import VirtualCell

    with VirtualCell(task="peg-insert", lost_packet_limit=500) as cell:
        with RobotClient(cell.address) as robot:  # Its gripper is activated for a few seconds.
            next(state for state in robot.stream_states(20.0) if not state.faults)
        yield cell


@pytest.fixture
def env(cell):
    env = make_training_env("serl/PegInsert-v0", address=cell.address)
    yield env
    env.close()


def insert_and_reset(env, count, caplog):
    """Inserts and resets; returns how often a tip was inserted. A reset that fails raises MotionFailedError."""
    expert, inserted = PegInsertExpert(PEG_INSERT), 0
    observation, info = env.reset(seed=0)
    for _ in range(count):
        expert.reset()
        ended = False
        while not ended:
            observation, _, done, truncated, info = env.step(expert.action(observation, info))
            ended = done or truncated
        inserted += info["success"]
        observation, info = env.reset()
        assert abs(info["tcp_pose"][2] - PEG_INSERT.start.center.position[2] - 0.1) < 0.01
        assert not info["success"]
    assert "to reset failed" not in caplog.text
    return inserted


def test_an_inserted_peg_comes_out_again_and_again(env, caplog):
    assert insert_and_reset(env, 2, caplog) >= 1


@pytest.mark.slow
def test_a_hundred_resets_out_of_the_socket_need_no_second_attempt(env, caplog):
    assert insert_and_reset(env, 100, caplog) >= 95
