import warnings
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from robot_daemon.config.cell_config import ServerConfig
from serl_api.errors.robot import NotEquippedError
from serl_api.settings import ConfigError
from serl_client import JointTarget, Pacing, Pose, RobotClient, SimulatorClient
from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_rl.envs.factory import RobotConfig, make_environment, spec_of
from serl_rl.models.gripper_layout import GripperLayout
from serl_tasks.hand_over.expert import HandOverExpert
from serl_tasks.hand_over.places import MEETING
from serl_tasks.hand_over.preset import HAND_OVER as HAND_OVER_PRESET
from serl_tasks.hand_over.task import HAND_OVER
from simulator.api.server import build_servers

STILL = np.array((0.0,) * 6 + (1.0,), np.float32)
FORWARD = np.array((0.5,) + (0.0,) * 5 + (1.0,), np.float32)


@pytest.fixture(scope="module")
def address():
    servers = build_servers("hand-over")
    yield ",".join(server.start() for server in servers)
    for server in servers:
        server.stop(0.1)


@pytest.fixture
def env(address):
    with closing(make_training_env("serl/HandOver-v0", address=address, gripper_action="binary")) as made:
        yield made


@pytest.fixture
def raw(address):
    with closing(gymnasium.make("serl/HandOver-v0", address=address)) as made:
        yield made


def test_the_expert_hands_over_for_all_its_noise(env):
    experts = [HandOverExpert(HAND_OVER, noise=0.2, seed=seed) for seed in range(5)]
    assert all(run_episode(env, expert, seed=seed).success for seed, expert in enumerate(experts))


def test_an_expert_that_takes_over_in_the_middle_goes_on_from_there(env):
    observation, info = env.reset(seed=4)
    success, steps = False, 0
    while not success and steps < 40:
        observation, *_, info = env.step(HandOverExpert(HAND_OVER).action(observation, info))
        success, steps = info["success"], steps + 1
    assert success


def test_gymnasium_finds_nothing_wrong_and_episodes_repeat_to_the_bit(raw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(raw.unwrapped, skip_render_check=True)


def test_a_bar_that_the_left_hand_keeps_is_no_success(env):
    expert = HandOverExpert(HAND_OVER)
    observation, info = env.reset(seed=3)
    for _ in range(60):
        action = expert.action(observation, info)
        action[6] = -1.0 if info["left/gripper_width"] < 0.03 else action[6]
        observation, _, terminated, _, info = env.step(action)
        assert not terminated
    assert info["right/success"]
    assert not info["left/success"]


def test_each_arm_sees_and_moves_in_its_own_base(raw):
    before, info = raw.reset(seed=2)
    np.testing.assert_allclose(info["right/bar_position"][:2], (1.0, 0.0) - info["left/bar_position"][:2])
    raw.step(np.concatenate([STILL, FORWARD]))
    after, *_ = raw.step(np.concatenate([STILL, FORWARD]))
    moved = {side: after[f"{side}/tcp_pose"][:3] - before[f"{side}/tcp_pose"][:3] for side in ("left", "right")}
    assert moved["right"][0] > 0.02
    assert np.abs(moved["left"]).max() < 0.003
    assert np.abs(before["right/tcp_pose"][:3] - MEETING).max() < 0.15


def test_a_kept_scene_begins_for_both_arms_at_one_instant(raw):
    raw.reset(seed=2)
    raw.step(np.concatenate([FORWARD, FORWARD]))
    *_, last = raw.step(np.concatenate([FORWARD, FORWARD]))
    observation, info = raw.reset(options={"keep_scene": True})
    np.testing.assert_allclose(info["left/bar_position"], last["left/bar_position"], atol=1e-3)
    assert (info["skew_ns"], info["stamp_ns"]) == (0, 0)
    assert observation["left/tcp_pose"][2] > 0.15
    *_, info = raw.step(np.concatenate([STILL, STILL]))
    assert info["skew_ns"] == 0


def test_a_fault_of_one_simulated_arm_ends_the_episode_of_both_and_the_next_begins(env):
    env.reset(seed=1)
    SimulatorClient(env.unwrapped.arms[1].client.connection).trigger_contact_reflex()
    *_, truncated, info = env.step(np.concatenate([STILL, STILL]))
    assert truncated
    assert info["fault"] == ("right/contact_reflex",)
    env.reset(seed=1)
    assert not env.step(np.concatenate([STILL, STILL]))[3]


def test_nine_choices_drive_both_grippers_and_each_change_costs(address):
    config = HAND_OVER_PRESET
    with closing(make_environment(config.environment, RobotConfig(robot=address))) as made:
        layout = GripperLayout(spec_of(made, config.environment).action_size, config.sac.grippers)
        assert layout.choice_count == 9
        made.reset(seed=0)
        for choice, penalty, widths in ((0, -0.04, (0, 0)), (2, -0.02, (0, 1)), (6, -0.04, (1, 0)), (4, 0.0, (1, 0))):
            action = layout.compose(np.zeros(12, np.float32), choice)
            assert made.step(action)[-1]["grasp_penalty"] == pytest.approx(penalty)
            info = [made.step(action)[-1] for _ in range(7)][-1]
            np.testing.assert_array_equal(info["gripper_width"] > 0.05, widths)


def test_one_arm_that_tracks_joints_leaves_the_other_its_law(address):
    left, right = (RobotClient(one) for one in address.split(","))
    with closing(left), closing(right):
        with left.control() as session:
            session.move(JointTarget(positions=left.info.arm.home + 0.05), 0.4)
        with right.control() as session:
            pose = right.get_state().tcp_pose
            goal = Pose(pose.position + np.array((0.0, 0.0, 0.03)), pose.quaternion_xyzw)
            after = [session.step(goal, period_s=0.1).observation.state.tcp_pose for _ in range(5)][-1]
    np.testing.assert_allclose(after.position, goal.position, atol=0.01)


def test_what_two_cells_share_is_not_for_one_to_change(address):
    with closing(SimulatorClient(address.split(",")[0])) as simulator:
        with pytest.raises(NotEquippedError, match="hand-over has two arms"):
            simulator.load_task("pick-cube")
        with pytest.raises(NotEquippedError, match="two arms, which share time"):
            simulator.set_pacing(Pacing.REAL_TIME)
        simulator.load_task("hand-over", seed=5)
        assert simulator.get_ground_truth().scene_seed == 5


@pytest.mark.parametrize(
    ("task", "listed", "sentence"),
    [
        ("hand-over", "127.0.0.1:50051", "has two arms; give two addresses"),
        ("pick-cube", "127.0.0.1:1,127.0.0.1:2", "has one arm; give one address"),
    ],
)
def test_each_arm_needs_an_address(task, listed, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_servers(task, config=ServerConfig(address=listed))
