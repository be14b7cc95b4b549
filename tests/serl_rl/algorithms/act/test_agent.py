"""Training of action chunking: what it learns, what it keeps, what it goes on from."""

import numpy as np
import pytest
import torch

from serl_rl.algorithms.act.agent import ActAgent
from serl_rl.algorithms.act.chunk_batch import ChunkBatch
from serl_rl.algorithms.act.config import ActConfig, ActTrainingConfig
from serl_rl.algorithms.act.normalization import ChunkStatistics, Normalization
from serl_rl.datasets.normalization import STD_FLOOR, Statistics
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec, SpecError

TINY = ActConfig(
    chunk_size=4, hidden_size=32, feedforward_size=64, heads=4, encoder_layers=1, latent_encoder_layers=1, dropout=0.0
)
TRAINING = ActTrainingConfig(learning_rate=3e-3)
IMAGE = ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(48, 48, 3))


def make_agent(spec, *, config=TINY, vision=None, seed=0):
    statistics = ChunkStatistics.unit(spec.vector_size, spec.action_size)
    return ActAgent(spec, config, TRAINING, vision=vision, statistics=statistics, seed=seed)


def make_batch(count=16, *, seed=0):
    """Chunks that turn with the state; the last quarter ends early."""
    generator = torch.Generator().manual_seed(seed)
    state = torch.rand(count, 3, generator=generator) * 2 - 1
    times = torch.arange(4) * 0.5
    actions = torch.stack([torch.sin(3 * state[:, :1] + times), torch.cos(2 * state[:, 1:2] + times)], -1) * 0.9
    is_pad = (torch.arange(4)[None] >= 2) & (torch.arange(count)[:, None] >= count * 3 // 4)
    return ChunkBatch(observations=state, actions=torch.where(is_pad[..., None], 0.0, actions), is_pad=is_pad)


def test_a_tiny_set_is_learned_by_heart(spec):
    agent, batch = make_agent(spec), make_batch()
    torch.manual_seed(0)
    first = agent.judge(batch)
    for _ in range(150):
        agent.update(batch)
    assert agent.judge(batch) < 0.05 < first / 4


def test_step_sizes_fall_to_a_share_and_no_share_moves_nothing(spec):
    training = ActTrainingConfig(steps=100, final_rate_share=0.1)
    assert [training.rate_share(step) for step in (0, 50, 100)] == pytest.approx([1.0, 0.55, 0.1])
    assert ActTrainingConfig(steps=100).rate_share(99) == 1.0
    agent, batch = make_agent(spec), make_batch()
    before = {name: value.clone() for name, value in agent.policy_state().items()}
    agent.update(batch, rate_share=0.0)
    assert all(torch.equal(value, before[name]) for name, value in agent.policy_state().items())


def test_loss_is_weighed_and_in_normalised_units(spec):
    agent, batch = make_agent(spec), make_batch()
    losses = agent.losses(batch, torch.zeros(16, TINY.latent_size))
    assert losses["loss"].item() == pytest.approx((losses["l1"] + 10 * losses["kl"]).item())
    actions = np.array([[-1.5, -0.5], [2.5, -0.5]])  # Deviations 2 and 0.
    wide = ChunkStatistics(state=Statistics.unit(3), action=Statistics.of([actions], "the action"), step_s=0.1)
    normal = Normalization(wide)
    np.testing.assert_allclose(normal.actions(torch.tensor([2.5, -0.4])), [1.0, 0.1 / STD_FLOOR], rtol=1e-5)
    np.testing.assert_allclose(normal.denormalized(normal.actions(batch.actions)), batch.actions, atol=1e-6)


def test_training_goes_on_as_if_never_interrupted(spec):
    batch = make_batch()
    with torch.random.fork_rng(devices=[]):
        agent = make_agent(spec)
        torch.manual_seed(7)
        for _ in range(2):
            agent.update(batch)
        saved = agent.state_dict()
        torch.manual_seed(8)
        expected = [agent.update(batch)["loss"].item() for _ in range(2)]
        other = make_agent(spec, seed=5)
        other.load_state_dict(saved)
        torch.manual_seed(8)
        assert [other.update(batch)["loss"].item() for _ in range(2)] == expected


def test_state_of_other_settings_is_refused(spec, make_spec):
    with pytest.raises(ValueError, match=r"the saved network differs from the settings: .*action_std"):
        make_agent(spec).load_state_dict(make_agent(make_spec(action_size=5)).state_dict())


def test_policy_holds_statistics_and_no_encoder_of_styles(spec):
    arrays = make_agent(spec).policy_state()
    assert {"normalization.state_mean", "normalization.step_s", "network.style.weight"} < set(arrays)
    assert not [name for name in arrays if "style_encoder" in name]


@pytest.mark.parametrize("frozen", [True, False])
def test_cameras_are_learned_from(spec, frozen):
    seeing = EnvironmentSpec(environment="test/Look-v0", observation=(*spec.observation, IMAGE), action=spec.action)
    vision = VisionConfig(encoder=EncoderConfig(backbone=BackboneConfig(name="small", frozen=frozen)))
    agent, batch = make_agent(seeing, vision=vision), make_batch()
    images = torch.randint(0, 256, (16, 48, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen = agent.preprocessor({"wrist": images})
    whole = ChunkBatch(observations=(batch.observations, seen), actions=batch.actions, is_pad=batch.is_pad)
    before = agent.policy_state()
    agent.update(whole)
    moved = {name for name, value in agent.policy_state().items() if not torch.equal(value, before[name])}
    assert any("projections" in name for name in moved)
    assert any("backbones" in name for name in moved) is not frozen
    with pytest.raises(SpecError, match=r"vision\.frame_stack is 2; act sees one image at a time"):
        make_agent(seeing, vision=VisionConfig(encoder=EncoderConfig(), frame_stack=2))
