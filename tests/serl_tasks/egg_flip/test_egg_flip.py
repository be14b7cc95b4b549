import numpy as np
import pytest

from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.egg_flip.expert import EggFlipExpert
from serl_tasks.egg_flip.task import EGG_FLIP, FLIPPED, LOST, LYING


@pytest.fixture(scope="module")
def env():
    env = make_training_env("serl/EggFlip-v0")
    yield env
    env.close()


def test_the_expert_turns_the_egg_over_for_all_its_noise(env):
    episodes = [run_episode(env, EggFlipExpert(EGG_FLIP, noise=0.2, seed=seed), seed=seed) for seed in range(4)]
    assert all(episode.success for episode in episodes)


def test_only_an_egg_that_lies_upside_down_and_still_counts(env):
    expert = EggFlipExpert(EGG_FLIP)
    observation, info = env.reset(seed=2)
    expert.reset()
    ups, classes, reward, ended = [], [], 0.0, False
    while not ended:
        observation, reward, ended, _, info = env.step(expert.action(observation, info))
        ups.append(info["egg_up"])
        classes.append(info["egg_class"])
    assert reward == 1.0
    assert ups[0] > 0.99
    assert classes[-1] == FLIPPED
    assert set(classes[:-1]) == {LYING}
    assert np.diff(ups).max() < 0.1  # It goes over once, and is not thrown.


def test_an_egg_that_is_poured_out_is_lost(env):
    env.reset(seed=0)
    ended = False
    while not ended:
        _, reward, terminated, truncated, info = env.step(np.array((0.0, 0.0, 1.0), np.float32))
        ended = terminated or truncated
        assert reward == 0.0
        assert info["egg_class"] == (LOST if terminated else LYING)
        assert not truncated
