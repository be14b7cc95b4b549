import math

import numpy as np
import pytest

import serl_client
from tests.support import lerobot_classes


def test_what_is_observed_and_commanded_is_what_was_announced(make_robot):
    robot = make_robot()
    features, actions = robot.observation_features, robot.action_features
    assert not robot.is_connected
    robot.connect()
    observation = robot.get_observation()
    assert list(observation) == list(features)
    for name, kind in features.items():
        if kind is float:
            assert isinstance(observation[name], float)
        else:
            assert (observation[name].shape, observation[name].dtype) == (kind, np.uint8)
    assert list(robot.cameras) == ["front", "wrist"]
    assert list(robot.send_action(dict.fromkeys(actions, 0.0))) == list(actions)
    # `lerobot-rollout` shows a policy nothing else.
    assert all(name.endswith(".pos") for name in (*features, *actions) if features.get(name, float) is float)


@pytest.mark.parametrize("kind", ["delta", "pose", "joints"])
def test_an_action_moves_the_arm_and_comes_back_as_it_was_applied(make_robot, kind):
    robot = make_robot(action=kind, camera_names=[])
    robot.connect()
    before = robot.get_observation()
    action = {name: before.get(name, 0.0) for name in robot.action_features}
    moved = {"delta": "delta_x.pos", "pose": "tcp_x.pos", "joints": "joint_2.pos"}[kind]
    action[moved] += {"delta": 0.4, "pose": 0.02, "joints": 0.02}[kind]
    for _ in range(0 if kind == "delta" else 10):
        robot.send_action(action)
    sent = robot.send_action(action)
    assert sent == pytest.approx(action, abs=1e-6)
    after = robot.get_observation()
    seen = {"delta_x.pos": "tcp_x.pos"}.get(moved, moved)
    assert 0.01 < after[seen] - before[seen] < 0.022  # The fake arm follows with a lag.


def test_a_pose_beyond_the_limits_is_clipped_and_the_clipped_one_comes_back(make_robot):
    robot = make_robot(action="pose", camera_names=[])
    robot.connect()
    here = robot.get_observation()
    sent = robot.send_action({name: here[name] for name in robot.action_features} | {"tcp_x.pos": 9.0})
    assert here["tcp_x.pos"] < sent["tcp_x.pos"] < 1.0


def test_a_delta_beyond_the_limits_comes_back_shorter(make_robot, simulator_address):
    robot = make_robot(address=simulator_address, camera_names=[], translation_scale=2.0)
    robot.connect()
    robot.get_observation()
    sent = robot.send_action(dict.fromkeys(robot.action_features, 0.0) | {"delta_y.pos": 0.9, "gripper.pos": 1.0})
    assert 0.0 < sent["delta_y.pos"] < 0.5
    assert sent["gripper.pos"] == 1.0


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"delta_y.pos": math.nan}, "delta_y.pos is not a finite"), ({"delta_y.pos": None}, "lacks delta_y.pos")],
)
def test_a_bad_action_is_refused_in_a_sentence_and_nothing_is_sent(make_robot, daemon, changed, words):
    robot = make_robot(camera_names=[])
    robot.connect()
    robot.get_observation()
    action = dict.fromkeys(robot.action_features, 0.0) | changed
    _, newest = robot.episode
    with pytest.raises(ValueError, match=words):
        robot.send_action({name: value for name, value in action.items() if value is not None})
    robot.get_observation()
    assert robot.episode[1] is newest  # In lockstep, time stood still.


def test_joint_positions_are_taken_whatever_the_kind_for_rollouts_bring_arms_back_by_them(make_robot):
    robot = make_robot(action="delta", camera_names=[])
    robot.connect()
    home = robot.get_observation()
    robot.send_action(dict.fromkeys(robot.action_features, 0.0) | {"delta_x.pos": 1.0})
    away = robot.get_observation()
    assert abs(away["tcp_x.pos"] - home["tcp_x.pos"]) > 0.01
    for _ in range(20):
        robot.send_action(home)
    sent = robot.send_action(home)
    assert sent["joint_1.pos"] == pytest.approx(home["joint_1.pos"], abs=1e-6)
    assert robot.get_observation()["tcp_x.pos"] == pytest.approx(home["tcp_x.pos"], abs=2e-3)


def test_disconnect_ends_the_session_also_after_the_arm_was_lost(make_robot, daemon):
    robot = make_robot(camera_names=[])
    with serl_client.RobotClient(daemon.address) as watcher:
        for _ in range(2):
            robot.connect()
            assert watcher.get_state().control_holder.startswith("lerobot ")
            robot.disconnect()
            assert watcher.get_state().control_holder == ""
        with pytest.raises(ConnectionError, match="not connected"):
            robot.get_observation()
        robot.connect()
        with pytest.raises(ConnectionError, match="already"):
            robot.connect()
        robot.get_observation()
        watcher.stop("enough")
        idle = dict.fromkeys(robot.action_features, 0.0)
        with pytest.raises(serl_client.StopLatchedError):
            robot.send_action(idle)
        assert robot.is_connected  # So that LeRobot disconnects it.
        with pytest.raises(ConnectionError, match="has ended, and the arm holds"):
            robot.send_action(idle)
        robot.disconnect()
        assert watcher.get_state().control_holder == ""


def test_a_second_robot_is_told_who_holds_the_arm_and_holds_nothing_itself(make_robot):
    make_robot(camera_names=[]).connect()
    second = make_robot(camera_names=[])
    with pytest.raises(serl_client.ControlHeldError, match="lerobot "):
        second.connect()
    assert not second.is_connected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"action": "velocity"}, "--robot.action is 'velocity'; it must be one of: delta, pose, joints"),
        ({"state": "task"}, "--robot.task is empty"),
        ({"fps": 0.0}, "--robot.fps is 0.0; it must be above 0"),
        ({"episode_time_s": -1.0}, "--robot.episode_time_s is -1.0"),
        ({"task": "serl/PickCub-v0"}, "serl/PickCube-v0"),
        ({"task": "serl/PointMass-v0"}, "drives no arm"),
        ({"task": "serl/EggFlip-v0"}, "are wrenches"),
        ({"camera_names": ["ceiling"]}, "needs the cameras ceiling; cell fake has: front, wrist"),
    ],
)
def test_options_that_cannot_work_are_refused_in_a_sentence(make_robot, options, words):
    with pytest.raises((ValueError, serl_client.RobotError), match=words):
        _ = make_robot(**options).observation_features


def test_between_episodes_the_arm_goes_to_its_start_and_holds_whatever_is_sent(make_robot):
    robot = make_robot(camera_names=[], episode_time_s=1e-9, reset_time_s=1000.0)
    robot.connect()
    push = dict.fromkeys(robot.action_features, 0.2)
    start = robot.get_observation()
    assert robot.send_action(push) == pytest.approx(push)
    back = robot.get_observation()
    assert back["tcp_x.pos"] == pytest.approx(start["tcp_x.pos"], abs=1e-3)
    held = robot.send_action(push)
    assert (held["delta_x.pos"], held["delta_z.pos"]) == (0.0, 0.0)
    assert robot.get_observation()["tcp_x.pos"] == pytest.approx(start["tcp_x.pos"], abs=1e-3)


def test_the_expert_lifts_the_cube_and_then_holds_it(make_robot, simulator_address):
    from lerobot_robot_serl import SerlExpertConfig

    robot = make_robot(address=simulator_address, task="serl/PickCube-v0", state="task", episode_time_s=1000.0)
    expert = lerobot_classes.make_device(SerlExpertConfig(noise=0.1))
    assert robot.action_features == expert.action_features
    expert.connect()
    robot.connect()
    for _ in range(25):
        robot.get_observation()
        robot.send_action(expert.get_action())
    height = robot.get_observation()["cube_position.2.pos"]  # The task's vector: less 0.1 m, over 0.2 m.
    assert 0.2 * height + 0.1 > 0.1
    done = expert.get_action()
    assert done == dict.fromkeys(done, 0.0) | {"gripper.pos": -1.0}  # As it was asked to close, not as it is.
    expert.disconnect()


def test_an_expert_of_other_actions_is_refused(make_robot, simulator_address):
    from lerobot_robot_serl import SerlExpertConfig

    robot = make_robot(address=simulator_address, task="serl/PickCube-v0", action="pose")
    expert = lerobot_classes.make_device(SerlExpertConfig())
    expert.connect()
    with pytest.raises(ConnectionError, match="0 robots of type serl are connected"):
        expert.get_action()
    robot.connect()
    with pytest.raises(ValueError, match="action to delta"):
        expert.get_action()
