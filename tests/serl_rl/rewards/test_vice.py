"""The classifier that rewards: what it learns from, what it changes in a batch, that it goes on after a restart."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.demonstrations.frames import FrameBank
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.update_batch import UpdateBatch
from serl_rl.rewards.vice import Vice, event_gradients
from serl_rl.rewards.vice_config import ViceConfig

CPU = torch.device("cpu")
STATE = EnvironmentSpec(
    environment="test/Reach-v0",
    observation=(ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,)),),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
PIXELS = replace(
    STATE,
    observation=(
        *STATE.observation,
        *(ArraySpec(name=name, dtype=np.dtype(np.uint8), shape=(48, 48, 3)) for name in ("front", "wrist")),
    ),
)
VISION = VisionConfig(
    encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(embeddings=2, bottleneck=8))
)
CONFIG = ViceConfig(enabled=True, batch_size=16, hidden_size=16, gradient_penalty=0.1, learning_rate=1e-2)


def make_batch(spec=STATE, *, seed=0, updates=2, count=8, rewards=None, near=0.0):
    """Next states of the policy's half lie around (1, 1), those of the taught half around the goal (0, 0)."""
    rng = np.random.default_rng(seed)

    def observations(centre):
        held = {"state": torch.from_numpy((rng.normal(size=(updates, count, 2)) * 0.1 + centre).astype(np.float32))}
        for array in spec.observation[1:]:
            images = rng.integers(0, 256, (updates, count, *array.shape), np.uint8)
            held[array.name] = torch.from_numpy(images)
        return held

    centre = np.where(np.arange(count) < count // 2, 1.0, near)[None, :, None]
    given = torch.full((updates, count), 5.0) if rewards is None else rewards
    return UpdateBatch(
        observations=observations(centre),
        actions=torch.zeros(updates, count, 2),
        rewards=given,
        next_observations=observations(centre),
        terminated=torch.ones(updates, count),
        grasp_penalties=torch.full((updates, count), -0.25),
        interventions=torch.zeros(updates, count),
    )


def make_vice(spec=STATE, config=CONFIG, *, goals=20, seed=0):
    preprocessor = ImagePreprocessor(spec, VISION, CPU) if len(spec.observation) > 1 else None
    vice = Vice(spec, config, preprocessor, seed=seed)
    rng = np.random.default_rng(9)
    frames = {"state": (rng.normal(size=(goals, 2)) * 0.1).astype(np.float32)}
    for array in spec.observation[1:]:
        frames[array.name] = rng.integers(0, 40, (goals, *array.shape), np.uint8)
    vice.set_goals(FrameBank(frames, spec, preprocessor, crops=2, seed=0, device=CPU))
    return vice


def parameters(vice):
    return {name: value.detach().clone() for name, value in vice.network.named_parameters()}


@pytest.mark.trap
def test_classifier_heads_receive_gradients():
    """A classifier whose camera heads are left out learns on a random projection; it must not happen here."""
    vice = make_vice(PIXELS)
    before = parameters(vice)
    for seed in range(2):
        vice.reward(make_batch(PIXELS, seed=seed))
    after = parameters(vice)
    assert [name for name in after if name.startswith("images.")]
    assert not [name for name in after if torch.equal(before[name], after[name])]


@pytest.mark.parametrize("penalty", [0.0, 10.0])
def test_gradients_are_those_of_finite_differences(penalty):
    vice = make_vice(config=replace(CONFIG, hidden_size=4, dropout=0.0))
    network = vice.network.double()
    rng = np.random.default_rng(0)
    frames = {"vector": torch.from_numpy(rng.normal(size=(6, 2)))}
    labels, blend = torch.tensor([0.9] * 3 + [0.1] * 3).double(), torch.tensor([0.2, 0.5, 0.9]).double()
    rest = (frames, labels, torch.tensor([3, 4, 5, 0, 1, 2]), 0.6, blend, penalty)
    _, gradients = event_gradients(network, *rest)
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        index = tuple(int(i) for i in np.unravel_index(gradient.abs().argmax().item(), gradient.shape))
        ends = []
        for offset in (1e-6, -1e-6):
            with torch.no_grad():
                parameter[index] += offset
            ends.append(event_gradients(network, *rest)[0].item())
            with torch.no_grad():
                parameter[index] -= offset
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient[index].item(), rel=1e-3, abs=1e-7)


def test_goals_come_to_be_rewarded_and_what_the_policy_does_not():
    vice = make_vice()
    for seed in range(150):
        batch, figures = vice.reward(make_batch(seed=seed))
    assert batch.rewards[:, :4].mean() < 0.1
    assert batch.rewards[:, 4:].mean() > 0.9  # Taught frames at the goal are no negatives.
    assert figures["vice_reward"] == batch.rewards[:, :4].mean()
    assert 0 < figures["vice_loss"] < 0.69


def test_reward_of_the_environment_is_never_read():
    one, other = make_vice(), make_vice()
    told, _ = one.reward(make_batch())
    nothing, _ = other.reward(make_batch(rewards=torch.full((2, 8), torch.nan)))
    assert torch.equal(told.rewards, nothing.rewards)
    assert torch.equal(one.state_dict()["network.head.hidden.weight"], other.state_dict()["network.head.hidden.weight"])


def test_no_step_of_a_rewarded_batch_ends_the_task_and_the_rest_is_as_it_was():
    batch = make_batch()
    judged, _ = make_vice().reward(batch)
    assert not judged.terminated.any()
    for name in ("observations", "actions", "next_observations", "grasp_penalties", "interventions"):
        assert getattr(judged, name) is getattr(batch, name)


@pytest.mark.parametrize("every", [1, 3])
def test_classifier_is_updated_once_for_some_updates_of_the_agent(every):
    vice = make_vice(config=replace(CONFIG, every_updates=every))
    for seed in range(6):
        vice.reward(make_batch(seed=seed))
    assert vice.adam.step_count == 6 // every


@pytest.mark.parametrize("spec", [STATE, PIXELS], ids=["state", "pixels"])
def test_restarted_classifier_goes_on_as_one_that_never_stopped(spec):
    whole = make_vice(spec, replace(CONFIG, every_updates=2))
    whole.reward(make_batch(spec))
    resumed = make_vice(spec, replace(CONFIG, every_updates=2), seed=0)
    resumed.load_state_dict(whole.state_dict())
    for seed in range(1, 4):
        one, other = (vice.reward(make_batch(spec, seed=seed))[0] for vice in (whole, resumed))
        assert torch.equal(one.rewards, other.rewards)
    states = whole.state_dict(), resumed.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_state_of_another_classifier_is_refused_whole():
    vice, before = make_vice(), make_vice().state_dict()
    with pytest.raises(ValueError, match="of vice is missing or has another shape"):
        vice.load_state_dict(make_vice(config=replace(CONFIG, hidden_size=8)).state_dict())
    assert all(torch.equal(before[name], value) for name, value in vice.state_dict().items())


def test_kept_maps_are_classified_like_the_images_they_are_of():
    vice, preprocessor = make_vice(PIXELS, replace(CONFIG, every_updates=100)), ImagePreprocessor(PIXELS, VISION, CPU)
    vice.reward(make_batch(PIXELS))  # The only update.
    batch = make_batch(PIXELS, seed=1)
    images = {name: batch.next_observations[name].flatten(0, 1) for name in preprocessor.cameras}
    maps = {
        name: value.permute(0, 2, 3, 1).to(torch.bfloat16).unflatten(0, (2, 8))
        for name, value in preprocessor(images).items()
    }
    kept = replace(batch, next_observations=batch.next_observations | maps)
    with torch.no_grad():
        expected = vice.network({name: value.float() for name, value in preprocessor(images).items()})
    rewards = vice.reward(kept)[0].rewards.flatten()
    clear = expected.abs() > 0.05
    assert torch.equal(rewards[clear], (expected >= 0).float()[clear])


def test_agent_takes_a_rewarded_batch_from_images():
    config = SacConfig(hidden_sizes=(16, 16), batch_size=8, critic_updates_per_actor_update=2, compile="off")
    agent = SacAgent(PIXELS, config, vision=VISION)
    vice = Vice(PIXELS, CONFIG, agent.preprocessor)
    vice.set_goals(
        FrameBank(
            {
                "state": np.zeros((4, 2), np.float32),
                "front": np.zeros((4, 48, 48, 3), np.uint8),
                "wrist": np.zeros((4, 48, 48, 3), np.uint8),
            },
            PIXELS,
            agent.preprocessor,
            crops=1,
            seed=0,
            device=CPU,
        )
    )
    batch, _ = vice.reward(make_batch(PIXELS))
    assert all(torch.isfinite(value) for value in agent.update(batch).values())


def test_a_backbone_that_is_trained_is_refused():
    encoder = replace(VISION.encoder, backbone=BackboneConfig(name="small", frozen=False))
    with pytest.raises(ValueError, match=r"maps of a frozen backbone; set vision\.encoder\.backbone\.frozen"):
        Vice(PIXELS, CONFIG, ImagePreprocessor(PIXELS, replace(VISION, encoder=encoder), CPU))


def test_without_goals_it_says_so():
    with pytest.raises(ValueError, match="vice has no goals"):
        Vice(STATE, CONFIG, None).reward(make_batch())


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
        ({"every_updates": 0}, r"every_updates is 0; it must be at least 1"),
        ({"mixup": -1.0}, r"mixup is -1.0; it must be at least 0"),
    ],
)
def test_settings_out_of_range_are_named(setting, sentence):
    with pytest.raises(ValueError, match=sentence):
        ViceConfig(**setting)
