"""Episodes with images for tests of imitation."""

import numpy as np
import pytest

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,)),
        ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3)),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)


def build_episode(steps, *, number=0, labels=None, success=True, terminated=True, observations=None):
    """An episode whose observation t is (number, t), with an image of value t."""
    index = np.arange(steps + 1)
    given = {
        "state": np.stack([np.full(steps + 1, number), index], axis=1).astype(np.float32),
        "wrist": np.broadcast_to(index[:, None, None, None], (steps + 1, 48, 48, 3)).astype(np.uint8),
    }
    return Episode(
        observations=given if observations is None else observations,
        actions=np.full((steps, 2), 0.5, np.float32),
        rewards=np.zeros(steps),
        terminated=terminated,
        truncated=not terminated,
        interventions=np.ones(steps, bool),
        stamps_ns=np.arange(steps + 1),
        success=success,
        metadata={} if labels is None else {SUCCESS_LABELS: labels},
    )


@pytest.fixture(scope="session")
def spec():
    return SPEC


@pytest.fixture(scope="session")
def make_episode():
    return build_episode


@pytest.fixture
def write(tmp_path):
    """Writes an episode file with a header of any kind."""

    def writing(name, episodes, *, task="", observations=None, action=((2,), "float32"), components=(), **more):
        held = {"state": [[2], "float32"], "wrist": [[48, 48, 3], "uint8"]} if observations is None else observations
        specification = {"observations": held, "action": [list(action[0]), action[1]], **more}
        if components:
            specification["state_components"] = list(components)
        path = tmp_path / name
        with EpisodeWriter(path, EpisodeHeader(task=task, specification=specification)) as writer:
            for episode in episodes:
                writer.append(episode)
        return path

    return writing
