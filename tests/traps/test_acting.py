"""What is executed, what is stored, and what an evaluation does: policies and people."""

import contextlib

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode as record_episode
from serl_client.wrappers import Intervention
from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.algorithms.sac.vision_policy import VisionPolicy
from serl_rl.envs.evaluation import evaluate
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.protocol.spec import EnvironmentSpec

pytestmark = pytest.mark.trap

NETWORK = {"hidden_sizes": (8, 8), "compile": "off", "precision": "float32"}


class WatchedEnv(gymnasium.Env):
    """Four steps from a state that the seed draws; remembers what was seen and done."""

    action_space = spaces.Box(-1, 1, (3,), np.float32)

    def __init__(self, *, sees=False):
        camera = {"front": spaces.Box(0, 255, (36, 36, 3), np.uint8)} if sees else {}
        self.observation_space = spaces.Dict({"state": spaces.Box(-9, 9, (2,), np.float32)} | camera)
        self.seen, self.done = [], []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.observe(), {}

    def step(self, action):
        self.done.append(np.array(action))
        self.steps += 1
        return self.observe(), 0.0, False, self.steps == 4, {}

    def observe(self):
        observation = {"state": self.np_random.normal(size=2).astype(np.float32)}
        if "front" in self.observation_space.spaces:
            observation["front"] = self.np_random.integers(0, 256, (36, 36, 3), np.uint8)
        if self.steps < 4:
            self.seen.append(observation)
        return observation

    @property
    def spec_of_it(self):
        return EnvironmentSpec.from_spaces("test/Watched-v0", self.observation_space, self.action_space)


def hidden(x, p, prefix):
    x = x @ p[prefix + "affine.weight"] + p[prefix + "affine.bias"]
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return np.tanh(x * p[prefix + "scale"] + p[prefix + "offset"])


def test_an_evaluation_executes_the_mode_of_the_policy():
    env = WatchedEnv()
    agent = SacAgent(env.spec_of_it, SacConfig(**NETWORK), seed=3)
    policy = NumpyPolicy(env.spec_of_it)
    policy.load(agent.policy_state())
    evaluate(env, policy, 3, seed=5)
    p = {name: value.double().numpy() for name, value in agent.policy_state().items()}
    x = np.stack([observation["state"] for observation in env.seen]).astype(float)
    for layer in range(2):
        x = hidden(x, p, f"mlp.layers.{layer}.")
    expected = np.tanh(x @ p["mean.weight"] + p["mean.bias"])
    assert expected.shape == (12, 3)
    np.testing.assert_allclose(np.stack(env.done), expected, atol=1e-5)


@pytest.mark.parametrize("grippers", [0, 1])
def test_an_evaluation_from_images_repeats_to_the_bit(grippers):
    vision = VisionConfig(
        encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(embeddings=2, bottleneck=4))
    )
    runs = []
    for _ in range(2):
        env = WatchedEnv(sees=True)
        agent = SacAgent(env.spec_of_it, SacConfig(grippers=grippers, **NETWORK), vision=vision, seed=3)
        policy = VisionPolicy(env.spec_of_it, vision, (8, 8), grippers)
        policy.load(agent.policy_state())
        for observation in ({"state": np.zeros(2, np.float32), "front": np.zeros((36, 36, 3), np.uint8)},):
            policy.act(observation, np.random.default_rng(len(runs)))  # Noise that was drawn before changes nothing.
        evaluate(env, policy, 2, seed=5)
        runs.append(np.stack(env.done))
    np.testing.assert_array_equal(*runs)
    if grippers:
        assert set(runs[0][:, -1].tolist()) <= {-1.0, 0.0, 1.0}


class Shouting:
    """A teacher, and an expert, that ask for more than the box allows."""

    def reset(self, *unused):
        pass

    def intervene(self, action, observation, info):
        return np.array((3.0, -0.5, -2.0), np.float32)

    def action(self, observation, info):
        return self.intervene(None, observation, info)


@pytest.mark.parametrize("who", ["policy", "person"])
def test_nothing_beyond_the_box_enters_the_learners_replay(collect, who):
    # Actions of other bounds beside those of a tanh policy would be two languages for the critics (a rival's bug).
    env = Intervention(WatchedEnv(), Shouting()) if who == "person" else WatchedEnv()
    replay, _ = collect(env, np.array((5.0, -0.5, -1.5)), episodes=1)
    batch = replay.sample(50, np.random.default_rng(0))
    np.testing.assert_array_equal(batch.actions, np.tile(np.array((1.0, -0.5, -1.0), np.float32), (50, 1)))
    assert (batch.interventions == (who == "person")).all()


def test_nothing_beyond_the_box_enters_an_episode_file():
    episode = record_episode(WatchedEnv(), Shouting())
    np.testing.assert_array_equal(episode.actions, np.tile(np.array((1.0, -0.5, -1.0), np.float32), (4, 1)))


def test_other_action_bounds_are_refused_before_anything_is_stored():
    space = spaces.Box(0.0, 1.0, (3,), np.float32)
    with pytest.raises(ValueError, match=r"from 0\.0 to 1\.0; scale it to \[-1, 1\]"):
        EnvironmentSpec.from_spaces("test/Watched-v0", WatchedEnv().observation_space, space)


def test_stored_is_the_commanded_action_not_what_the_workspace_left_of_it(simulator_address):
    class Down:
        def reset(self):
            pass

        def action(self, observation, info):
            return np.array((0.0, 0.0, -1.0, 1.0), np.float32)

    class ClipWatch(gymnasium.Wrapper):
        clips = ()

        def step(self, action):
            result = self.env.step(action)
            self.clips += result[-1]["clips"]
            return result

    inner = make_training_env("serl/PickCube-v0", address=simulator_address, max_episode_steps=20)
    with contextlib.closing(ClipWatch(inner)) as env:
        episode = record_episode(env, Down(), seed=0)
        assert "WORKSPACE" in " ".join(env.clips)  # The floor of the workspace was reached.
    assert (episode.actions[:, 2] == -1.0).all()
