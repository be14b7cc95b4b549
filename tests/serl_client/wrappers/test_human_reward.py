import numpy as np

from serl_client.wrappers import HumanReward

STILL = np.zeros(4, np.float32)


def test_without_a_key_the_step_stays_as_it_was(make_env, keys):
    env = HumanReward(make_env(), keys)
    env.reset()
    _, reward, terminated, truncated, info = env.step(STILL)
    assert (reward, terminated, truncated, info["success"]) == (0.25, False, False, False)


def test_success_is_one_and_the_end(make_env, keys, tap):
    env = HumanReward(make_env(), keys)
    env.reset()
    tap("y")
    _, reward, terminated, truncated, info = env.step(STILL)
    assert (reward, terminated, truncated, info["success"]) == (1.0, True, False, True)


def test_failure_is_zero_and_the_end(make_env, keys, tap):
    env = HumanReward(make_env(info={"success": True}), keys)
    env.reset()
    tap("n")
    _, reward, terminated, truncated, info = env.step(STILL)
    assert (reward, terminated, truncated, info["success"]) == (0.0, True, False, False)


def test_who_presses_both_gets_failure_and_no_key_is_left(make_env, keys, tap):
    env = HumanReward(make_env(), keys)
    env.reset()
    tap("y")
    tap("n")
    assert env.step(STILL)[-1]["success"] is False
    assert env.step(STILL)[2] is False


def test_a_key_between_episodes_counts_for_nothing(make_env, keys, tap):
    env = HumanReward(make_env(), keys)
    tap("y")
    env.reset()
    assert env.step(STILL)[2] is False
