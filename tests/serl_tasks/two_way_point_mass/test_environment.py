"""A point that is pushed to and fro."""

import numpy as np
import pytest

from serl_rl.config.train import TrainConfig
from serl_rl.demonstrations.scripted import scripted_expert
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import make_environment, spec_of
from serl_tasks.two_way_point_mass.environment import Point, TwoWayPointMassEnv


@pytest.mark.parametrize(("name", "sign"), [("serl/PointRight-v0", 1.0), ("serl/PointLeft-v0", -1.0)])
def test_its_expert_reaches_the_goal_from_every_drawn_place(name, sign):
    config = TrainConfig(environment=EnvironmentConfig(id=name))
    env, expert = make_environment(config.environment), scripted_expert(config)
    assert spec_of(env, config.environment).observation[0].shape == (2,)
    for seed in range(30):
        observation, info = env.reset(seed=seed)
        assert sign * observation["state"][0] < 0
        assert not info["success"]
        ended = False
        while not ended:
            assert env.observation_space.contains(observation)
            observation, reward, terminated, truncated, info = env.step(expert.action(observation, info))
            ended = terminated or truncated
        assert terminated
        assert reward == 1.0
        assert sign * observation["state"][0] >= 0.4


def test_a_kept_scene_leaves_the_point_and_says_when_all_is_done():
    point = Point()
    right, left = TwoWayPointMassEnv("right", point), TwoWayPointMassEnv("left", point)
    point.position = np.array((0.7, 0.2), np.float32)
    observation, info = right.reset(options={"keep_scene": True})
    np.testing.assert_allclose(observation["state"], (0.7, 0.2))
    assert info["success"]
    assert not left.reset(options={"keep_scene": True})[1]["success"]


def test_it_is_cut_off_after_25_steps():
    env = TwoWayPointMassEnv("right")
    env.reset(seed=0)
    ends = [env.step(np.zeros(2, np.float32))[3] for _ in range(25)]
    assert ends == [False] * 24 + [True]
    assert env.render().shape == (64, 64, 3)
