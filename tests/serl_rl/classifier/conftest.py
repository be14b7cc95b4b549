"""Episodes in which a bright square appears where the task is done."""

import numpy as np
import pytest

from serl_client.episodes import Episode, EpisodeHeader, EpisodeWriter
from serl_rl.classifier.config import ClassifierConfig
from serl_rl.networks.encoder_config import BackboneConfig, EncoderConfig, HeadConfig

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
