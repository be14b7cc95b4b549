"""Episodes in which a bright square appears where the task is done, and a lamp whose colours classifiers watch."""

from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.rewards.classifier.config import ClassifierConfig
from serl_rl.rewards.classifier.network import ClassifierSpec

SIZE = 36


def build_frame(done, rng, *, shade=255):
    frame = rng.integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
    if done:
        row, column = rng.integers(6, 20, 2)
        frame[row : row + 10, column : column + 10] = shade
    return frame


def build_episode(flags, *, seed=0, labels="given", terminated=True, success=None, cameras=("front", "wrist")):
    """An episode whose observations are done where the flags say."""
    rng = np.random.default_rng(seed)
    images = {camera: np.stack([build_frame(flag, rng) for flag in flags]) for camera in cameras}
    steps = len(flags) - 1
    labels = [bool(flag) for flag in flags] if labels == "given" else labels
    return Episode(
        observations={"state": np.zeros((len(flags), 3), np.float32)} | images,
        actions=np.zeros((steps, 4), np.float32),
        rewards=np.zeros(steps),
        terminated=terminated,
        truncated=not terminated,
        interventions=np.zeros(steps, bool),
        stamps_ns=np.arange(len(flags), dtype=np.int64),
        success=any(flags) if success is None else success,
        metadata={} if labels is None else {"success_labels": labels},
    )


def write_file(path, episodes):
    with EpisodeWriter(path, EpisodeHeader(task="test/Square-v0")) as writer:
        for episode in episodes:
            writer.append(episode)
    return path


class BrightnessClassifier:
    """Says success with the brightness of a channel."""

    def __init__(self, channel=0, camera="front", size=(8, 8)):
        self.spec = ClassifierSpec(image_sizes={camera: size})
        self.channel = channel

    def share(self, memo):
        return False

    @property
    def encoder(self):
        return SimpleNamespace(backbone=lambda camera: SimpleNamespace(is_frozen=False))

    def classify(self, observation):
        bright = observation[self.spec.cameras[0]][..., self.channel].mean() / 255
        return np.array([1 - bright, bright])


class LampEnv(gymnasium.Env):
    """Shows a given brightness of red and green at each step; its own reward is -1."""

    observation_space = spaces.Dict({"front": spaces.Box(0, 255, (8, 8, 3), np.uint8)})
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, red, green=None, *, ends=False):
        self.red = red
        self.green = green or [0.0] * len(red)
        self.ends = ends

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.observe(0.0, 0.0), {"height": 0.0}

    def step(self, action):
        red, green = self.red[self.steps], self.green[self.steps]
        self.steps += 1
        over = self.steps == len(self.red)
        info = {"height": self.steps / 10, "success": True}
        return self.observe(red, green), -1.0, over and self.ends, over and not self.ends, info

    def observe(self, red, green):
        return {"front": np.full((8, 8, 3), [255 * red, 255 * green, 0], np.uint8)}


def run_episode(env):
    env.reset()
    steps = []
    while True:
        _, reward, terminated, truncated, info = env.step(np.zeros(1))
        steps.append((reward, terminated, truncated, info))
        if terminated or truncated:
            return steps


@pytest.fixture(scope="session")
def make_frame():
    return build_frame


@pytest.fixture(scope="session")
def make_labelled_episode():
    return build_episode


@pytest.fixture(scope="session")
def write_episodes():
    return write_file


@pytest.fixture(scope="session")
def squares(tmp_path_factory):
    """A file of eight labelled episodes."""
    path = tmp_path_factory.mktemp("episodes") / "squares.episodes"
    flags = [False] * 6 + [True] * 3
    return write_file(path, [build_episode(flags, seed=seed) for seed in range(8)])


@pytest.fixture(scope="session")
def small_config():
    backbone = BackboneConfig(name="small")
    return ClassifierConfig(encoder=EncoderConfig(backbone=backbone, head=HeadConfig(bottleneck=32)), hidden_size=32)


@pytest.fixture(scope="session")
def lamp_env():
    return LampEnv


@pytest.fixture(scope="session")
def brightness_classifier():
    return BrightnessClassifier


@pytest.fixture(scope="session")
def rollout():
    """Runs an episode: reward, terminated, truncated and info of each step."""
    return run_episode
