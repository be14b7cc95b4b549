"""Another arm leads: two simulators on loopback, of which the test moves one; and a leader that only pretends."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import JointTarget
from serl_client import RobotClient
from serl_client.envs.registration import make_training_env
from serl_client.errors import TaskMismatchError
from serl_client.teleop.leader.arm import LeaderArm, LeaderConfig, Posture
from serl_client.teleop.leader.following import LeaderFollowing
from serl_client.wrappers import Intervention, LeaderStart
from tests.support.clocks import ManualClock
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until

OFFSET = np.array((0.3, -0.1, 0.0, 0.1, 0.0, 0.0, 0.2))


@pytest.fixture(scope="module")
def leader_address():
    pytest.importorskip("mujoco")
    server = pytest.importorskip("simulator.api.server").build_server("pick-cube", Pacing.LOCKSTEP, 0)
    yield server.start()
    server.stop()


@pytest.fixture
def hand(leader_address):
    """Moves the leader, which stands at home before."""
    with RobotClient(leader_address) as client, client.control("hand") as session:
        session.reset(seed=0)
        home = client.info.arm.home

        def to(offset, width=None):
            session.move(JointTarget(positions=home + offset), 1.0, gripper_width=width)
            return client.get_state().joint_positions

        yield to


@pytest.fixture
def follow(simulator_address, leader_address):
    """Opens the follower's environment, led by that leader."""
    opened = []

    def make(**options):
        config = LeaderConfig(address=leader_address, **options)
        env = make_training_env("serl/PickCube-v0", address=simulator_address, control="joint")
        opened.append(env)
        robot = env.unwrapped
        leader = LeaderArm(config, robot.arm.joint_count, follower_boot_id=robot.boot_id)
        opened.append(leader)
        source = LeaderFollowing(leader, config, robot.joint_actions.components, has_gripper=True)
        return Intervention(LeaderStart(env, leader, config), source), leader

    yield make
    for one in reversed(opened):
        one.close()


def test_the_follower_starts_where_the_leader_stands_and_goes_where_it_goes(hand, follow):
    hand(OFFSET)
    env, leader = follow()
    _, info = env.reset(seed=0)
    np.testing.assert_allclose(info["joint_positions"], leader.read().joint_positions, atol=0.03)
    there = hand(OFFSET + 0.05, width=0.0)
    wait_until(lambda: np.allclose(leader.read().joint_positions, there, atol=1e-3))
    for _ in range(4):
        observation, _, _, _, info = env.step(np.zeros(8, np.float32))
    lower, upper = env.unwrapped.action_bounds
    asked = lower + (info["intervention_action"] + 1.0) / 2.0 * (upper - lower)
    np.testing.assert_allclose(asked[:7], there, atol=1e-3)
    assert asked[7] < 0.04
    assert asked[7] == pytest.approx(leader.read().opening * env.unwrapped.max_gripper_width, abs=1e-3)
    np.testing.assert_allclose(info["joint_positions"], there, atol=0.03)
    np.testing.assert_allclose(observation["state"][:7], info["joint_positions"], atol=1e-6)


def test_a_leader_that_stands_too_far_away_is_refused_by_its_joint(hand, follow):
    hand(OFFSET)
    env, _ = follow(start_distance=0.2, wait_s=0.0)
    with pytest.raises(DeviceUnavailableError, match=r"joint 1 of the leader .* 0\.30 rad .* within 0\.2 rad"):
        env.reset(seed=0)


def test_a_leader_of_another_kind_or_the_follower_itself_cannot_lead(leader_address):
    config = LeaderConfig(address=leader_address)
    with pytest.raises(TaskMismatchError, match="has 7 joints, but the follower has 6"):
        LeaderArm(config, 6)
    with RobotClient(leader_address) as client, pytest.raises(TaskMismatchError, match="is the follower itself"):
        LeaderArm(config, 7, follower_boot_id=client.info.boot_id)


def test_a_leader_behind_a_silent_network_has_a_fault(leader_address):
    clock = ManualClock(100.0)
    with SilentProxy(leader_address) as proxy, LeaderArm(LeaderConfig(address=proxy.address), 7, clock=clock) as leader:
        assert leader.fault == ""
        proxy.fall_silent()

        def look():
            clock.sleep(0.4)
            return leader.fault

        assert "has said nothing for" in wait_until(look)


@pytest.fixture
def pretended():
    """A leader that stands where the test says, and a source that follows it from zero."""
    leader = SimpleNamespace(name="the leader", fault="", joints=np.zeros(2), opening=1.0)
    leader.read = lambda: Posture(joint_positions=leader.joints, opening=leader.opening)
    source = LeaderFollowing(leader, LeaderConfig(jump=0.3), lambda joints: joints, has_gripper=True)
    source.reset({}, {"joint_positions": np.zeros(2)})
    return SimpleNamespace(leader=leader, source=source, step=lambda: source.intervene(np.zeros(3), {}, {}).tolist())


def test_the_follower_holds_while_the_leader_is_silent_and_says_so_once(pretended, caplog):
    pretended.leader.joints = np.array((0.1, 0.2))
    led = pretended.step()
    assert led == pytest.approx([0.1, 0.2, 1.0])
    pretended.leader.fault, pretended.leader.joints = "it is silent", np.array((0.2, 0.2))
    assert [pretended.step(), pretended.step()] == [led, led]
    assert [record.message for record in caplog.records] == ["the follower holds: it is silent"]
    pretended.leader.fault = ""
    assert pretended.step() == pytest.approx([0.2, 0.2, 1.0])


def test_a_leader_that_jumps_is_not_followed_until_it_is_back(pretended, caplog):
    caplog.set_level(logging.INFO)
    pretended.leader.joints, pretended.leader.opening = np.array((0.0, 0.5)), 0.0
    assert pretended.step() == [0.0, 0.0, 1.0]
    assert "joint 2 of the leader is 0.50 rad from the follower, more than 0.3 rad" in caplog.text
    pretended.leader.joints = np.array((0.0, 0.25))
    assert pretended.step() == [0.0, 0.25, -1.0]
    assert "leads again" in caplog.text


def test_an_episode_begins_when_somebody_moves_the_leader_or_its_gripper(pretended):
    assert not pretended.source.is_asking()
    pretended.leader.opening = 0.8
    assert pretended.source.is_asking()
    pretended.leader.opening, pretended.leader.joints = 1.0, np.array((0.05, 0.0))
    assert pretended.source.is_asking()
