"""Keys that a test presses, and an environment that goes through a list of gripper widths."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.teleop.devices.keys import PressedKeys


class WidthEnv(gymnasium.Env):
    """Each step shows the next width; the reward is 0.25 and the episode never ends."""

    observation_space = spaces.Dict({"state": spaces.Box(-9, 9, (1,), np.float32)})
    action_space = spaces.Box(-1, 1, (4,), np.float32)

    def __init__(self, *widths, info=None):
        self.widths = widths or (0.085,)
        self.info = info or {}
        self.steps = 0
        self.resets = 0

    def observe(self):
        return {"state": np.full(1, self.steps, np.float32)}

    def values(self):
        return {"gripper_width": self.widths[min(self.steps, len(self.widths) - 1)], "success": False} | self.info

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        self.resets += 1
        return self.observe(), self.values()

    def step(self, action):
        self.steps += 1
        return self.observe(), 0.25, False, False, self.values()


@pytest.fixture
def make_env():
    return WidthEnv


@pytest.fixture
def keys():
    return PressedKeys(None)


@pytest.fixture
def tap(keys):
    """Presses a key and lets go of it."""

    def tapping(key):
        keys.press(key)
        keys.release(key)

    return tapping
