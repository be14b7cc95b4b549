"""One whole update from images against NumPy, and the traps of learning from images, each by name."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad

from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.algorithms.sac.gradients import critic_gradients
from serl_rl.models.compilation import compiled
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.vision.config import FeatureCacheConfig, VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.head import CameraHeads
from serl_rl.models.vision.pooling import SpatialLearnedEmbeddings
from serl_rl.models.vision.weights.files import save_weights
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec, SpecError
from serl_rl.replay.update_batch import UpdateBatch
from tests.support.rounding import kernel_bound

SIDE, CAMERAS = 48, ("front", "wrist")  # The small encoder makes 2 x 2 maps of 256 channels of it.
SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),
        *(ArraySpec(name=camera, dtype=np.dtype(np.uint8), shape=(SIDE, SIDE, 3)) for camera in CAMERAS),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
CONFIG = SacConfig(
    hidden_sizes=(16, 16), batch_size=6, critic_updates_per_actor_update=2, compile="off", precision="float32"
)
HEAD = HeadConfig(embeddings=2, bottleneck=8, dropout=0.0)
VISION = VisionConfig(
    encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HEAD), proprioception_features=4
)


def make_agent(*, seed=0, vision=VISION, spec=SPEC, **changes):
    return SacAgent(spec, dataclasses.replace(CONFIG, **changes), vision=vision, seed=seed)


def with_backbone(vision=VISION, head=HEAD, **changes):
    backbone = dataclasses.replace(vision.encoder.backbone, **changes)
    return dataclasses.replace(vision, encoder=EncoderConfig(backbone=backbone, head=head))


def make_batch(seed=0, updates=2, count=6, *, maps=False):
    rng = np.random.default_rng(seed)

    def observations():
        if maps:
            cameras = {
                c: torch.from_numpy(rng.normal(size=(updates, count, 2, 2, 256)).astype(np.float32)).bfloat16()
                for c in CAMERAS
            }
        else:
            cameras = {
                c: torch.from_numpy(rng.integers(0, 256, (updates, count, SIDE, SIDE, 3), np.uint8)) for c in CAMERAS
            }
        return {"state": torch.from_numpy(rng.normal(size=(updates, count, 3)).astype(np.float32)), **cameras}

    def uniform(*shape):
        return torch.from_numpy(rng.uniform(-1, 1, (updates, count, *shape)).astype(np.float32))

    return UpdateBatch(
        observations=observations(),
        actions=uniform(2),
        rewards=uniform(),
        next_observations=observations(),
        terminated=(uniform() > 0).float(),
        grasp_penalties=torch.zeros(updates, count),
        interventions=torch.zeros(updates, count),
    )


def arrays(module):
    return {name: value.detach().double().numpy().copy() for name, value in module.named_parameters()}


def hidden(x, p, prefix):
    x = x @ p[prefix + "affine.weight"] + p[prefix + "affine.bias"]
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return np.tanh(x * p[prefix + "scale"] + p[prefix + "offset"])


def perceive(p, state, maps):
    """Embeddings flattened channel by channel, dense, normalised, tanh; then the flat vector's part."""
    parts = []
    for index, camera in enumerate(CAMERAS):
        prefix = f"perception.images.heads.{index}."
        x = maps[camera].double().numpy()  # (B, h, w, C)
        pooled = np.einsum("bhwc,chwf->bcf", x, p[prefix + "pooling.kernel"]).reshape(len(x), -1)
        parts.append(hidden(pooled, p, prefix + "bottleneck."))
    return np.concatenate([*parts, hidden(state, p, "perception.proprioception.")], -1)


def mlp(x, p, prefix):
    for index in range(2):
        x = hidden(x, p, f"{prefix}mlp.layers.{index}.")
    return x


def q_values(p, seen, actions):
    features = mlp(np.concatenate([seen, actions], -1)[None], p, "ensemble.")
    return (features @ p["ensemble.value.weight"] + p["ensemble.value.bias"])[..., 0]


def act(p, seen, noise):
    features = mlp(seen, p, "policy.")
    mean = features @ p["policy.mean.weight"] + p["policy.mean.bias"]
    std = np.clip(np.exp(features @ p["policy.log_std.weight"] + p["policy.log_std.bias"]), 1e-5, 5)
    raw = mean + std * noise
    density = np.exp(-0.5 * ((raw - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi)) / (1 - np.tanh(raw) ** 2)
    return np.tanh(raw), np.log(density).sum(-1)


@pytest.mark.trap
@pytest.mark.parametrize("shares_value_layer", [False, True])
def test_update_matches_numpy(shares_value_layer):
    # With steps of almost zero, all minibatches meet the same networks.
    tiny = {"learning_rate": 1e-12, "target_update_rate": 1e-12}
    agent = make_agent(critic_count=3, shares_value_layer=shares_value_layer, initial_temperature=0.3, **tiny)
    with torch.no_grad():  # A target that differs from the critics, in its heads too.
        for value in agent.networks.target_critic.parameters():
            value.add_(0.01 * torch.ones_like(value))
    batch = make_batch(maps=True)
    generator = torch.Generator()
    generator.set_state(agent.state_dict()["generator"])
    next_noise = torch.randn(2, 6, 2, generator=generator).double().numpy()
    noise = torch.randn(6, 2, generator=generator).double().numpy()
    networks = agent.networks
    critic, target, policy = (arrays(m) for m in (networks.critic, networks.target_critic, networks.policy))
    if shares_value_layer:
        assert critic["ensemble.value.weight"].shape == (16, 1)
    losses, log_probabilities = [], []
    for u in range(2):
        now, following = (
            {name: array[u] for name, array in part.items()} for part in (batch.observations, batch.next_observations)
        )
        actions, log_probability = act(
            policy, perceive(policy, following["state"].double().numpy(), following), next_noise[u]
        )
        next_seen = perceive(target, following["state"].double().numpy(), following)
        goal = batch.rewards[u].numpy() + 0.96 * (1 - batch.terminated[u].numpy()) * q_values(
            target, next_seen, actions
        ).min(0)
        seen = perceive(critic, now["state"].double().numpy(), now)
        losses.append(((q_values(critic, seen, batch.actions[u].double().numpy()) - goal) ** 2).mean())
        log_probabilities.append(log_probability)
    new_actions, log_probability = act(policy, seen, noise)
    expected = (0.3 * log_probability - q_values(critic, seen, new_actions).mean(0)).mean()
    metrics = {name: value.item() for name, value in agent.update(batch).items()}
    assert metrics["critic_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert metrics["actor_loss"] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert metrics["entropy"] == pytest.approx(-log_probability.mean(), rel=1e-4, abs=1e-5)
    assert metrics["temperature_loss"] == pytest.approx(
        0.3 * (-np.mean(log_probabilities[1]) + 1.0), rel=1e-4, abs=1e-5
    )


def changed_names(before, after):
    return {name for name, value in after.items() if (value != before[name]).any()}


@pytest.mark.trap
def test_policy_loss_trains_the_proprioception_but_never_the_image_heads():
    agent = make_agent(adam_clock="separate")
    before = arrays(agent.networks.policy)
    preprocessor = agent._read(make_batch(maps=True).observations)
    chosen = preprocessor[0][0], {camera: maps[0] for camera, maps in preprocessor[1].items()}
    agent._update_policy(chosen, torch.zeros(1, 6))
    changed = changed_names(before, arrays(agent.networks.policy))
    assert {name.split(".")[1] for name in changed if name.startswith("perception.")} == {"proprioception"}
    assert "policy.mean.weight" in changed


def test_critic_loss_trains_heads_and_proprioception():
    agent = make_agent(critic_updates_per_actor_update=1)
    before = arrays(agent.networks.critic)
    agent.update(make_batch(updates=1, maps=True))
    assert changed_names(before, arrays(agent.networks.critic)) == set(before)


def test_policy_and_critics_share_one_perception():
    agent = make_agent()
    agent.update(make_batch(maps=True))
    critic, policy = arrays(agent.networks.critic), arrays(agent.networks.policy)
    for name in (name for name in policy if name.startswith("perception.")):
        np.testing.assert_array_equal(policy[name], critic[name])


@pytest.mark.trap
def test_target_network_includes_the_encoder_heads():
    agent = make_agent(critic_updates_per_actor_update=1, target_update_rate=0.25)
    before = arrays(agent.networks.target_critic)
    heads = [name for name in before if name.startswith("perception.images.")]
    assert heads
    agent._update_critics(*critic_inputs(agent))
    critic, target = arrays(agent.networks.critic), arrays(agent.networks.target_critic)
    for name in before:
        assert (target[name] != before[name]).any(), name
        np.testing.assert_allclose(target[name], 0.75 * before[name] + 0.25 * critic[name], atol=1e-6)


def critic_inputs(agent):
    batch = make_batch(updates=1, maps=True)
    sights = (agent._read(part) for part in (batch.observations, batch.next_observations))
    return batch, *sights, torch.zeros(1, 6, 2), torch.zeros(1, 6)


@pytest.mark.trap
def test_pretrained_weights_are_in_the_target_from_the_first_update(tmp_path):
    path = tmp_path / "small.safetensors"
    save_weights(make_backbone(BackboneConfig(name="small", seed=7, frozen=False)), path)
    agent = make_agent(vision=with_backbone(weights=path, frozen=False))
    wanted = dict(make_backbone(BackboneConfig(name="small", seed=7)).named_parameters())
    for module in (agent.networks.critic, agent.networks.target_critic):
        found = {n: v for n, v in module.named_parameters() if "backbones" in n}
        assert len(found) == len(wanted)
        for name, value in found.items():
            assert torch.equal(value, wanted[name.split("backbones.0.")[1]]), name


def test_pretrained_heads_are_where_policy_and_critics_start_if_wanted(tmp_path):
    path, backbone = tmp_path / "small.safetensors", make_backbone(BackboneConfig(name="small", seed=7, frozen=False))
    shapes = dict.fromkeys(CAMERAS, backbone.feature_shape(SIDE, SIDE))
    given = CameraHeads(shapes, HEAD, Arithmetic(), torch.Generator().manual_seed(99))
    save_weights(backbone, path, heads=given)
    wanted = dict(given.named_parameters())
    for pretrained in (True, False):
        head = dataclasses.replace(HEAD, pretrained=pretrained)
        agent = make_agent(vision=with_backbone(weights=path, head=head))
        for module in (agent.networks.critic, agent.networks.target_critic):
            found = {n.split("perception.images.")[1]: v for n, v in module.named_parameters() if "images" in n}
            assert found.keys() == wanted.keys()
            same = [torch.equal(found[name], value) for name, value in wanted.items() if value.std() > 0]
            assert all(same) if pretrained else not any(same)


@pytest.mark.trap
def test_dropout_acts_on_the_policy_alone():
    # Upstream calls its critics, and their target, in evaluation mode; its policy trains with dropout.
    head = dataclasses.replace(HEAD, dropout=0.9)
    plain, dropping = make_agent(adam_clock="joint"), make_agent(vision=with_backbone(head=head), adam_clock="joint")
    losses = {}
    for name, agent in (("plain", plain), ("dropping", dropping)):
        losses[name] = critic_gradients(*critic_arguments(agent, make_batch(maps=True)))[1]
    assert torch.equal(losses["plain"], losses["dropping"])
    first, second = plain.update(make_batch(maps=True)), dropping.update(make_batch(maps=True))
    assert first["actor_loss"].item() != second["actor_loss"].item()


def test_dropout_draws_the_same_after_a_restart():
    vision = with_backbone(head=dataclasses.replace(HEAD, dropout=0.5))
    whole = make_agent(vision=vision)
    whole.update(make_batch(0, maps=True))
    resumed = make_agent(vision=vision)
    resumed.load_state_dict(whole.state_dict())
    torch.manual_seed(12345)
    for agent in (whole, resumed):
        agent.update(make_batch(1, maps=True))
    one, two = whole.state_dict(), resumed.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def crop(image, shift):
    """Upstream's crop: four pixels of repeated edge on each side, then a window."""
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="edge")
    top, left = shift[0] + 4, shift[1] + 4
    return padded[top : top + SIDE, left : left + SIDE]


@pytest.mark.trap
def test_all_cameras_of_a_sample_shift_alike_and_the_next_observation_by_itself():
    agent = make_agent(vision=with_backbone(frozen=False))
    batch = make_batch(updates=1)
    generator = torch.Generator()
    generator.set_state(agent.state_dict()["generator"])
    drawn = [torch.randint(-4, 5, (6, 2), generator=generator).numpy() for _ in range(2)]
    assert (drawn[0] != drawn[1]).any()
    assert len(np.unique(drawn[0], axis=0)) > 1
    for shifts, observations in zip(drawn, (batch.observations, batch.next_observations), strict=True):
        _, cameras = agent._read(observations)
        for camera in CAMERAS:
            for sample in range(6):
                expected = crop(observations[camera][0, sample].numpy(), shifts[sample])
                np.testing.assert_array_equal(cameras[camera][0, sample].numpy(), expected)


@pytest.mark.trap
def test_frozen_backbone_sees_every_image_once_an_update(monkeypatch):
    agent = make_agent()
    seen = []
    frozen = agent.preprocessor.frozen
    original = frozen._maps
    monkeypatch.setattr(
        frozen, "_maps", lambda b, images, shifts: seen.append(len(images)) or original(b, images, shifts)
    )
    agent.update(make_batch())
    assert sum(seen) == 2 * 6 * 2 * len(CAMERAS)  # Two minibatches, now and next: not once a network.


def test_kept_maps_and_images_give_the_same_update():
    vision = dataclasses.replace(VISION, largest_shift=0)
    from_images, from_maps = make_agent(vision=vision), make_agent(vision=vision)
    batch = make_batch()

    def kept(observations):
        images = {c: observations[c].flatten(0, 1).numpy() for c in CAMERAS}
        maps = from_maps.preprocessor.frozen.crop_maps(images, np.zeros((12, 1, 2), np.int64))
        lead = {c: torch.from_numpy(m[:, 0]).view(torch.bfloat16).unflatten(0, (2, 6)) for c, m in maps.items()}
        return observations | lead

    encoded = dataclasses.replace(
        batch, observations=kept(batch.observations), next_observations=kept(batch.next_observations)
    )
    expected, found = from_images.update(batch), from_maps.update(encoded)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=2e-2, atol=2e-3, msg=name)


@pytest.mark.trap
def test_trained_backbone_learns_from_the_critics_alone():
    agent = make_agent(vision=with_backbone(frozen=False), critic_updates_per_actor_update=1)
    before = arrays(agent.networks.critic)
    agent.update(make_batch(updates=1))
    changed = changed_names(before, arrays(agent.networks.critic))
    assert {name for name in before if "backbones" in name} <= changed
    assert not any("backbones" in name for name in agent.networks.policy_arrays)


def test_backbones_of_the_cameras_can_be_apart():
    agent = make_agent(vision=with_backbone(frozen=False, shared=False))
    names = {name.split("backbones.")[1][0] for name in arrays(agent.networks.critic) if "backbones" in name}
    assert names == {"0", "1"}
    agent.update(make_batch())


@pytest.mark.trap
def test_stack_of_frames_becomes_channels():
    agent = make_agent(vision=dataclasses.replace(VISION, frame_stack=3))
    batch = make_batch()

    def stacked(observations):
        return observations | {c: observations[c].unsqueeze(2).repeat(1, 1, 3, 1, 1, 1) for c in CAMERAS}

    def maps(agent):
        return agent._read(stacked(batch.observations))[1]["front"]

    seen = maps(agent)
    assert seen.shape == (2, 6, 3 * 256, 2, 2)
    one, two, three = seen.chunk(3, dim=2)  # Equal frames, so shifted alike.
    unshifted = make_agent(vision=dataclasses.replace(VISION, frame_stack=3, largest_shift=0))
    bound = kernel_bound(lambda: maps(unshifted))
    torch.testing.assert_close(one, two, rtol=0, atol=bound)
    torch.testing.assert_close(two, three, rtol=0, atol=bound)
    agent.update(
        dataclasses.replace(
            batch, observations=stacked(batch.observations), next_observations=stacked(batch.next_observations)
        )
    )


@pytest.mark.trap
def test_policy_holds_heads_but_no_backbone_and_stays_below_eleven_megabytes():
    cameras = tuple(dataclasses.replace(array, shape=(128, 128, 3)) for array in SPEC.observation[1:])
    spec = dataclasses.replace(SPEC, observation=(SPEC.observation[0], *cameras))
    agent = SacAgent(spec, SacConfig(compile="off"), vision=VisionConfig())
    state = agent.policy_state()
    assert not any("backbone" in name for name in state)
    assert 9e6 < sum(value.numel() * 4 for value in state.values()) < 11e6
    kept = sum(int(value.numel()) for name, value in agent.state_dict().items() if "adam" not in name)
    assert kept < 3 * 4_905_792  # Neither is one in a checkpoint.


@pytest.mark.trap
def test_resumed_run_from_pixels_equals_one_that_never_stopped():
    whole = make_agent(adam_clock="joint")
    for seed in range(2):
        whole.update(make_batch(seed))
    resumed = make_agent(seed=5, adam_clock="joint")
    resumed.load_state_dict(whole.state_dict())
    for agent in (whole, resumed):
        agent.update(make_batch(2))
    one, two = whole.state_dict(), resumed.state_dict()
    assert set(one) == set(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_prepare_changes_nothing():
    for kept_maps in (True, False):
        agent = make_agent()
        before = agent.state_dict()
        agent.prepare(kept_maps=kept_maps)
        assert all(torch.equal(value, before[name]) for name, value in agent.state_dict().items())


def critic_arguments(agent, batch):
    sights = (agent._read(part) for part in (batch.observations, batch.next_observations))
    now, following = ((vector[0], {c: maps[0] for c, maps in cameras.items()}) for vector, cameras in sights)
    networks = agent.networks
    minibatch = now, batch.actions[0], batch.rewards[0], batch.terminated[0], following, batch.actions[0]
    return networks.critic, networks.critic_arrays, networks.target_arrays, minibatch, None, None, 0.96, None


@pytest.mark.filterwarnings("default")
def test_compiled_and_eager_embeddings_have_equal_gradients(compiler):
    # They compile to other loops than they run in eagerly, with a gradient of their own.
    generator = torch.Generator().manual_seed(0)
    pooling = SpatialLearnedEmbeddings((16, 2, 3), 4, generator)
    maps = torch.randn(5, 16, 2, 3, generator=generator)
    weights = torch.randn(5, 64, generator=generator)

    def gradients(kernel, maps):
        def loss(kernel, maps):
            return (functional_call(pooling, {"kernel": kernel}, (maps,)) * weights).square().sum()

        return grad(loss, argnums=(0, 1))(kernel, maps)

    for one, two in zip(compiled(gradients)(pooling.kernel, maps), gradients(pooling.kernel, maps), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default")
def test_compiled_and_eager_critics_have_equal_gradients_from_kept_maps():
    agent = make_agent()
    arguments = critic_arguments(agent, make_batch(maps=True))
    expected, found = critic_gradients(*arguments), compiled(critic_gradients)(*arguments)
    torch.testing.assert_close(found[1], expected[1], rtol=1e-4, atol=1e-5)
    for one, two, name in zip(found[0], expected[0], agent.networks.critic_arrays, strict=True):
        torch.testing.assert_close(one, two, rtol=2e-2, atol=1e-2 * float(two.abs().max()), msg=name)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("frozen", [True, False])
def test_compiled_and_eager_agree_over_several_updates(frozen):
    vision = dataclasses.replace(with_backbone(frozen=frozen), largest_shift=0)
    config = {"critic_count": 3, "target_critic_count": 2, "initial_temperature": 0.1}
    eager, fast = make_agent(vision=vision, **config), make_agent(vision=vision, **config, compile="on")
    fast.prepare(kept_maps=frozen)
    for seed in range(3):
        batch = make_batch(seed, maps=frozen)
        expected, found = eager.update(batch), fast.update(batch)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=5e-3, atol=1e-3, msg=name)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (ArraySpec(name="depth", dtype=np.dtype(np.uint16), shape=(48, 48, 3)), "'depth' is uint16"),
        (ArraySpec(name="front", dtype=np.dtype(np.uint8), shape=(3, 48, 48)), r"\(3, 48, 48\); an image must be"),
        (ArraySpec(name="grey", dtype=np.dtype(np.uint8), shape=(48, 48, 1)), "height, width, 3"),
    ],
)
def test_what_is_no_image_is_refused(array, message):
    with pytest.raises(SpecError, match=message):
        make_agent(spec=dataclasses.replace(SPEC, observation=(array,)))


def test_image_alone_is_enough():
    agent = make_agent(spec=dataclasses.replace(SPEC, observation=SPEC.observation[1:]))
    batch = make_batch()
    agent.update(
        dataclasses.replace(
            batch,
            observations={c: batch.observations[c] for c in CAMERAS},
            next_observations={c: batch.next_observations[c] for c in CAMERAS},
        )
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureCacheConfig(crops=0), "crops is 0; it must be at least 1"),
        (lambda: FeatureCacheConfig(refreshed_rows=-1), "refreshed_rows is -1; it must be at least 0"),
        (lambda: VisionConfig(largest_shift=-1), "largest_shift is -1"),
        (lambda: VisionConfig(frame_stack=0), "frame_stack is 0"),
        (lambda: dataclasses.replace(with_backbone(frozen=False), frame_stack=2), "sees one image at a time"),
        (
            lambda: dataclasses.replace(with_backbone(frozen=False), cache=FeatureCacheConfig(mode="on")),
            "no lasting feature maps",
        ),
        (
            lambda: VisionConfig(frame_stack=2, cache=FeatureCacheConfig(refreshed_rows=0.5)),
            "refreshed_rows is 0.5; it must be 0 where frames are stacked",
        ),
        (lambda: with_backbone(name="resnet10", condition_size=4), "condition_size is 4; it must be None"),
        (lambda: with_backbone(name="resnet18", normalization="fixed-batch"), "is fixed-batch; it must be auto or"),
        (lambda: with_backbone(normalization="fixed-batch", weights=Path("any.pth")), "is fixed-batch; it must be"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_values_of_what_is_seen_are_learned():
    # The reward is whether the front picture is bright; nothing else tells.
    agent = make_agent(
        critic_count=2, critic_updates_per_actor_update=4, batch_size=16, learning_rate=3e-3, discount=0.0
    )
    rng = np.random.default_rng(0)
    for _ in range(25):
        bright = rng.random((4, 16)) < 0.5
        batch = make_batch(int(rng.integers(1e6)), updates=4, count=16)
        pictures = batch.observations["front"].float()
        pictures = torch.where(torch.from_numpy(bright)[..., None, None, None], 128 + pictures / 2, pictures / 2)
        batch.observations["front"] = pictures.to(torch.uint8)
        batch = dataclasses.replace(batch, rewards=torch.from_numpy(bright.astype(np.float32)))
        loss = agent.update(batch)["critic_loss"].item()
    assert loss < 0.05  # A quarter when guessing.
