"""Small specs, rows and batches for tests of the learning core."""

from functools import partial

import numpy as np
import pytest
import torch

from serl_rl.models.compilation import should_compile
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.rows import RowBatch, RowKind
from serl_rl.replay.update_batch import UpdateBatch


def build_spec(observation_size=3, action_size=2):
    return EnvironmentSpec(
        environment="test/Reach-v0",
        observation=(ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(observation_size,)),),
        action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(action_size,)),
    )


def build_rows(kinds, *, episode=0, first_step=0, actor="", number=None, mark=0.0):
    """Rows of one episode whose observation is (mark, episode, step index) and whose reward is the step index."""
    count = len(kinds)
    steps = np.arange(first_step, first_step + count)
    state = np.stack([np.full(count, mark), np.full(count, episode), steps], axis=1)
    is_final = np.array([kind == RowKind.FINAL for kind in kinds])
    return RowBatch(
        observations={"state": state.astype(np.float32)},
        actions=np.where(is_final[:, None], 0, 0.5).astype(np.float32) * np.ones((count, 2), np.float32),
        rewards=np.where(is_final, 0, steps).astype(np.float32),
        episode_ids=np.full(count, episode, np.int64),
        step_indices=steps.astype(np.int32),
        row_kinds=np.array(kinds, np.uint8),
        interventions=np.zeros(count, bool),
        actor_id=actor,
        first_sequence_number=number,
    )


def build_episode(steps, *, end=RowKind.TERMINATED, **kwargs):
    return build_rows([RowKind.STEP] * (steps - 1) + [end, RowKind.FINAL], **kwargs)


def build_batch(spec, updates=2, count=8, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(updates, count, *shape, generator=generator)

    return UpdateBatch(
        observations={array.name: normal(*array.shape) for array in spec.observation},
        actions=torch.tanh(normal(*spec.action.shape)),
        rewards=normal(),
        next_observations={array.name: normal(*array.shape) for array in spec.observation},
        terminated=(normal() > 0).float(),
        grasp_penalties=torch.zeros(updates, count),
        interventions=torch.zeros(updates, count),
    )


@pytest.fixture(scope="session")
def make_spec():
    return build_spec


@pytest.fixture(scope="session")
def spec():
    return build_spec()


@pytest.fixture(scope="session")
def make_rows():
    return build_rows


@pytest.fixture(scope="session")
def make_episode():
    return build_episode


@pytest.fixture(scope="session")
def make_batch():
    return build_batch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Computes in one thread: sums have one order, and threads that spin do not wait for a core that others use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def compiler(request, monkeypatch):
    """The backend of `torch.compile`: both trace and differentiate; "inductor" writes C++ besides, for a minute."""
    if request.param == "inductor" and not should_compile("auto", torch.device("cpu")):
        pytest.skip("no C++ compiler")
    monkeypatch.setattr("torch.compile", partial(torch.compile, backend=request.param))
    return request.param
