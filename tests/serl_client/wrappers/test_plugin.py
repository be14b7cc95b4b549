import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_api.plugins import PluginError
from serl_client.wrappers import Chunking
from serl_client.wrappers.chunking import around_steps
from serl_client.wrappers.plugin import find_wrappers


class Line(gymnasium.Env):
    observation_space = spaces.Dict({"state": spaces.Box(-np.inf, np.inf, (1,), np.float32)})
    action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
    component_names = ("x",)

    def reset(self, *, seed=None, options=None):
        self.x = 0.0
        return {"state": np.zeros(1, np.float32)}, {}

    def step(self, action):
        self.x += float(action[0])
        return {"state": np.full(1, self.x, np.float32)}, 1.0, self.x > 2.5, False, {"grasp_penalty": -0.5}


class Second(gymnasium.Wrapper):
    """Takes over the second step of an episode."""

    def reset(self, **kwargs):
        self.count = 0
        return self.env.reset(**kwargs)

    def step(self, action):
        self.count += 1
        if self.count != 2:
            return self.env.step(action)
        mine = np.array((-1.0, 0.5), np.float32)
        *rest, info = self.env.step(mine)
        return *rest, info | {"intervention": True, "intervention_action": mine}


def test_options_are_read_and_defaults_stay():
    (found,) = find_wrappers(("chunking,action-horizon=3",))
    assert (found.options.action_horizon, found.options.observation_horizon) == (3, 1)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("relativ-frame",), "did you mean relative-frame of serl-robot"),
        (("chunking,action_horizn=3",), "did you mean action_horizon"),
        (("chunking,action_horizon",), "write name=value"),
        (("chunking", "gripper-penalty"), "chunking takes several steps at once; name it last"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(texts, message):
    with pytest.raises(PluginError, match=message):
        find_wrappers(texts)


def test_a_wrapper_that_does_not_fit_says_so():
    with pytest.raises(PluginError, match=r"wrapper relative-frame cannot be used here: .*tcp_pose"):
        find_wrappers(("relative-frame",))[0].wrap(Line())
    with pytest.raises(PluginError, match=r"cost=-1 cannot be used: cost is -1.0; it must be at least 0"):
        find_wrappers(("gripper-penalty,cost=-1",))[0].wrap(Line())


def test_a_strangers_wrapper_is_found_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "doubling.py").write_text(
        "from dataclasses import dataclass\n"
        "from gymnasium.wrappers import TransformReward\n"
        "from serl_client.wrappers.plugin import WrapperPlugin\n"
        "@dataclass(frozen=True)\n"
        "class Options:\n"
        "    factor: float = 2.0\n"
        "DOUBLE = WrapperPlugin(options=Options, keeps_spaces=True,\n"
        "    build=lambda env, options: TransformReward(env, lambda reward: options.factor * reward))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    env = find_wrappers(("doubling:DOUBLE,factor=3.5",))[0].wrap(Line())
    env.reset()
    assert env.step(np.zeros(2, np.float32))[1] == 3.5


def test_chunks_are_flat_and_hold_what_was_executed():
    env = find_wrappers(("chunking,action_horizon=3,observation_horizon=2",))[0].wrap(Line())
    env = around_steps(env, Second)
    assert isinstance(env, Chunking)
    assert env.action_space.shape == (6,)
    assert env.component_names == ("-1.x", "x")
    observation, _ = env.reset()
    assert observation["state"].tolist() == [0.0, 0.0]
    chunk = np.array((1.0, 0.1, 1.0, 0.2, 1.0, 0.3), np.float32)
    observation, reward, terminated, _, info = env.step(chunk)
    np.testing.assert_allclose(info["intervention_action"], (1.0, 0.1, -1.0, 0.5, 1.0, 0.3))
    assert (observation["state"].tolist(), reward, terminated) == ([0.0, 1.0], 3.0, False)
    assert (info["intervention"], info["grasp_penalty"], info["executed_steps"]) == (True, -1.5, 3)
    *_, terminated, _, info = env.step(chunk)
    assert terminated
    assert info["executed_steps"] == 2
    assert "intervention_action" not in info
