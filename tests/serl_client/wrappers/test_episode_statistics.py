import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.wrappers import EpisodeStatistics


class ScriptedEnv(gymnasium.Env):
    """Plays back infos; the last one truncates."""

    observation_space = spaces.Box(-1, 1, (1,))
    action_space = spaces.Box(-1, 1, (1,))

    def __init__(self, infos):
        self.infos = infos
        self.position = 0

    def reset(self, *, seed=None, options=None):
        self.position = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        info = self.infos[self.position]
        self.position += 1
        return np.zeros(1, np.float32), 0.5, False, self.position == len(self.infos), info


def test_an_episode_is_summed_up_at_its_end():
    times = iter((0.0, 10.0, 12.5, 20.0, 21.0))
    infos = [{}, {"intervention_action": np.zeros(1), "success": True}, {"success": False}, {}]
    env = EpisodeStatistics(ScriptedEnv(infos), clock=lambda: next(times))
    for duration_s in (2.5, 1.0):
        env.reset()
        results = [env.step(np.zeros(1))[-1] for _ in range(4)]
        assert ["episode" in info for info in results] == [False, False, False, True]
        assert results[-1]["episode"] == {
            "return": pytest.approx(2.0),
            "length": 4,
            "duration_s": pytest.approx(duration_s),
            "success": True,
            "intervention_ratio": 0.25,
        }
