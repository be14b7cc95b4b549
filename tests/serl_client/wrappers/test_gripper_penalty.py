"""What a change of the gripper costs: executed action, gripper as it stood before."""

import numpy as np
import pytest

from serl_client.wrappers import GripperPenalty

CLOSE, KEEP, OPEN = -1.0, 0.0, 1.0


def penalties(env, *grips, cost=0.02):
    wrapped = GripperPenalty(env, cost, max_width=0.085)
    wrapped.reset()
    return [wrapped.step(np.array((0, 0, 0, grip), np.float32))[-1]["grasp_penalty"] for grip in grips]


@pytest.mark.trap
@pytest.mark.parametrize(
    ("width", "grips", "expected"),
    [
        (0.085, (OPEN, KEEP, CLOSE, CLOSE, KEEP, OPEN), (0, 0, -0.02, 0, 0, -0.02)),
        (0.080, (OPEN, CLOSE), (0, -0.02)),  # 94 % open is open.
        (0.040, (CLOSE, KEEP, OPEN, OPEN), (0, 0, -0.02, 0)),  # Closed around something.
        (0.085, (-0.5, 0.5, -0.51, 0.49), (0, 0, -0.02, 0)),
        (0.085, (CLOSE, OPEN, CLOSE), (-0.02, -0.02, -0.02)),
    ],
)
def test_only_changes_cost(make_env, width, grips, expected):
    assert penalties(make_env(width), *grips) == list(expected)


@pytest.mark.trap
def test_a_slow_gripper_costs_once(make_env):
    env = make_env(0.0, 0.02, 0.04, 0.06, 0.08)
    assert penalties(env, OPEN, OPEN, OPEN, OPEN) == [-0.02, 0, 0, 0]


@pytest.mark.trap
def test_a_corrected_action_is_what_counts(make_env):
    env = make_env(0.085, info={"intervention_action": np.array((0, 0, 0, CLOSE), np.float32)})
    assert penalties(env, OPEN) == [-0.02]


@pytest.mark.trap
def test_the_reward_stays(make_env):
    env = GripperPenalty(make_env(), max_width=0.085)
    env.reset()
    _, reward, *_ = env.step(np.array((0, 0, 0, CLOSE), np.float32))
    assert reward == 0.25


def test_every_episode_begins_with_how_the_gripper_stands(make_env):
    env = GripperPenalty(make_env(0.085), max_width=0.085)
    for _ in range(2):
        env.reset()
        assert env.step(np.array((0, 0, 0, CLOSE), np.float32))[-1]["grasp_penalty"] == -0.02


def test_a_gain_is_refused(make_env):
    with pytest.raises(ValueError, match=r"cost is -0\.02"):
        GripperPenalty(make_env(), -0.02, max_width=0.085)


def test_an_environment_without_a_gripper_is_refused(make_env):
    with pytest.raises(ValueError, match="needs a gripper"):
        GripperPenalty(make_env())


@pytest.mark.trap
def test_the_widest_opening_comes_from_the_environment(simulator_address):
    import gymnasium

    env = gymnasium.make("serl/PickCube-v0", address=simulator_address, gripper_action="binary")
    wrapped = GripperPenalty(env)
    wrapped.reset(seed=0)
    found = [wrapped.step(np.array((0, 0, 0, grip), np.float32))[-1]["grasp_penalty"] for grip in (OPEN, CLOSE, CLOSE)]
    env.close()
    assert found == [0.0, -0.02, 0.0]
