"""Implements SAC with an ensemble of critics; REDQ, and RLPD when half of each batch are demonstrations.

Haarnoja et al. 2018 (arXiv:1812.05905), Chen et al. 2021 (arXiv:2101.05982), Ball et al. 2023 (arXiv:2302.02948).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from serl_rl.algorithms.algorithm import Agent
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.gradients import chosen, critic_gradients, flattened, next_actions, policy_gradients
from serl_rl.algorithms.sac.grasp_dqn import GraspLearner, Wrap
from serl_rl.algorithms.sac.networks import make_networks
from serl_rl.models.adam import Adam
from serl_rl.models.compilation import compiled, fast_arithmetic, should_compile
from serl_rl.models.grasp_choice import PREFIX
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.types import Arrays, Observations
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor, cameras_of
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec, SpecError
from serl_rl.replay.update_batch import UpdateBatch

__all__ = ["SacAgent", "SacConfig"]

_CRITIC_METRICS = ("critic_loss", "q_mean", "target_mean", "grasp_loss", "grasp_q_mean")


class SacAgent(Agent):
    """Trains policy, critics and temperature.

    One thread at a time may call it.

    Args:
        spec: What the environment observes and takes.
        config: Settings.
        vision: How it sees; None for an agent that reads flat vectors alone.
        seed: Seed of the initial weights and of all noise.
        device: Where the networks live.

    Raises:
        SpecError: The observation has arrays that this agent cannot read.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        config: SacConfig,
        *,
        vision: VisionConfig | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        cameras = _check_spec(spec, sees=vision is not None)
        self.spec = spec
        self.config = config
        self.device = torch.device(device)
        self.target_entropy = -spec.action_size / 2 if config.target_entropy is None else config.target_entropy
        self.is_compiled = should_compile(config.compile, self.device)
        self.preprocessor = ImagePreprocessor(spec, vision, self.device) if vision is not None and cameras else None
        arithmetic = fast_arithmetic(config.precision, self.device, is_compiled=self.is_compiled)
        self._grippers = GripperLayout(spec.action_size, config.grippers)
        sizes, first_weights = (spec.vector_size, self._grippers.arm_size), torch.Generator().manual_seed(seed)
        networks = make_networks(*sizes, config, self.preprocessor, arithmetic, first_weights, self.device)
        wrap: Wrap = compiled if self.is_compiled else lambda function: function
        self.networks = networks
        """Policy, critics with their target, and temperature."""
        self._grasp = None
        if config.grippers:
            critics = networks.critic, networks.target_critic
            rest = arithmetic, first_weights, self.device, wrap
            self._grasp = GraspLearner(spec.vector_size, self._grippers, config, *critics, *rest)
        rate, warm_up = config.learning_rate, config.warm_up_steps
        self._adam = {
            "policy": Adam(networks.policy_arrays, rate, warm_up),
            "critic": Adam(networks.critic_arrays, rate, warm_up),
            "temperature": Adam(networks.temperature_arrays, rate),
        }
        if self._grasp is not None:
            self._adam["grasp"] = self._grasp.adam
        self._seed = seed
        self._generator = torch.Generator(self.device).manual_seed(seed)
        self.critic_update_count = 0
        """Critic updates so far."""
        self.update_count = 0
        """Calls of `update` so far, each of which updates the policy once."""
        self._next_actions = wrap(next_actions)
        self._critic_gradients = wrap(critic_gradients)
        self._policy_gradients = wrap(policy_gradients)

    def update(self, batch: UpdateBatch) -> dict[str, Tensor]:
        """Updates critics once for each minibatch, then policy and temperature once.

        Does not wait for the device.

        Args:
            batch: `critic_updates_per_actor_update` minibatches of `batch_size` transitions; images as bytes, or as the
                feature maps that `preprocessor` made of them.

        Returns:
            Scalars on the device: critic_loss, q_mean, target_mean, actor_loss, entropy, temperature, temperature_loss;
            with grippers that choose, grasp_loss and grasp_q_mean.

        Raises:
            ValueError: The batch has other sizes than the settings.
        """
        self._check_batch(batch)
        networks, batch = self.networks, batch.to(self.device)
        observations = self._read(batch.observations)
        next_observations = self._read(batch.next_observations)
        shape = (*batch.actions.shape[:2], self._grippers.arm_size)
        noise = torch.randn(shape, generator=self._generator, device=self.device)
        # All next actions are one product: the policy does not change during the critic updates. (Where there are
        # images, what it perceives with does, by these few steps.)
        self._seed_dropout()
        following, next_log_probabilities = self._next_actions(
            networks.training_policy, {**networks.fixed_arrays, **networks.policy_arrays}, next_observations, noise
        )
        metrics = self._update_critics(batch, observations, next_observations, following, next_log_probabilities)
        share = self._policy_share
        metrics |= self._update_policy(
            flattened(chosen(observations, share)), next_log_probabilities[share], self._imitation(batch)
        )
        self.update_count += 1
        return metrics

    def prepare(self, *, kept_maps: bool = False) -> None:
        """Compiles everything that `update` needs, which takes up to a minute; changes no state.

        Args:
            kept_maps: Whether batches will hold feature maps that were kept instead of images.
        """
        state = self.state_dict()
        self.update(self._made_up_batch(kept_maps=kept_maps))
        self.load_state_dict(state)

    def policy_arrays(self) -> dict[str, Tensor]:
        """Returns the policy's arrays, and those of the grasp critic where there is one."""
        grasp = {} if self._grasp is None else self._grasp.policy_arrays()
        return dict(self.networks.policy.named_parameters()) | grasp

    def start_from(self, policy: Mapping[str, Tensor]) -> None:
        """Takes over a policy that was learned elsewhere, and its image heads for the critics.

        Args:
            policy: What `policy_state` returned, of an agent with equal spec and network sizes. A grasp critic in it is
                left aside: a cloned one holds scores, not values.

        Raises:
            ValueError: An array is missing, unknown, or has another shape; nothing was changed.
        """
        own = dict(self.networks.policy.named_parameters())
        given = {name: value for name, value in policy.items() if not name.startswith(PREFIX)}
        _check_state(own, given)
        for name, parameter in own.items():
            parameter.data.copy_(given[name])
        networks = self.networks
        for name, target in networks.target_arrays.items():
            if name.startswith("perception."):
                target.copy_(networks.critic_arrays[name])

    def state_dict(self) -> dict[str, Tensor]:
        """Returns copies of everything that training goes on from: networks, optimisers, counts, random generator."""
        counts = torch.tensor([self.critic_update_count, self.update_count])
        state = {"counts": counts, "generator": self._generator.get_state()}
        for part, arrays in self._parts().items():
            state |= {f"{part}.{name}": value.clone() for name, value in arrays.items()}
        for part, optimizer in self._adam.items():
            state |= {f"{part}_adam.{name}": value for name, value in optimizer.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copies what `state_dict` returned, of an agent with equal spec and network sizes.

        Raises:
            ValueError: An array is missing, unknown, or has another shape; nothing was changed.
        """
        _check_state(self.state_dict(), state)
        for part, arrays in self._parts().items():
            for name, value in arrays.items():
                value.copy_(state[f"{part}.{name}"])
        for part, optimizer in self._adam.items():
            prefix = f"{part}_adam."
            optimizer.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self._generator.set_state(state["generator"].cpu())
        self.critic_update_count, self.update_count = state["counts"].tolist()

    @property
    def _policy_share(self) -> slice:
        """Minibatches that the policy is updated on."""
        return slice(None) if self.config.actor_batch == "all" else slice(-1, None)

    def _parts(self) -> dict[str, Arrays]:
        return self.networks.parts() | ({} if self._grasp is None else self._grasp.parts())

    def _check_batch(self, batch: UpdateBatch) -> None:
        expected = (self.config.critic_updates_per_actor_update, self.config.batch_size)
        if (batch.minibatches, batch.batch_size) != expected:
            found = f"{batch.minibatches} minibatches of {batch.batch_size}"
            raise ValueError(f"the batch has {found} transitions; this agent needs {expected[0]} of {expected[1]}")

    def _made_up_batch(self, *, kept_maps: bool) -> UpdateBatch:
        shape = (self.config.critic_updates_per_actor_update, self.config.batch_size)

        def observations() -> dict[str, Tensor]:
            vectors = {array.name: torch.zeros(*shape, array.size) for array in self.spec.vectors}
            return vectors if self.preprocessor is None else vectors | self.preprocessor.blank(*shape, kept=kept_maps)

        return UpdateBatch(
            observations=observations(),
            actions=torch.zeros(*shape, self.spec.action_size),
            rewards=torch.zeros(shape),
            next_observations=observations(),
            terminated=torch.zeros(shape),
            grasp_penalties=torch.zeros(shape),
            interventions=torch.zeros(shape),
        )

    def _read(self, observations: Mapping[str, Tensor]) -> Observations:
        """Returns what the networks read, of leading shape (U, B); the crop of each observation is drawn anew."""
        vectors = [observations[array.name] for array in self.spec.vectors]
        vector = vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1) if vectors else self._no_vector()
        if self.preprocessor is None:
            return vector
        cameras = {name: observations[name].flatten(0, 1) for name in self.preprocessor.cameras}
        seen = self.preprocessor(cameras, self._generator)
        return vector, {name: array.unflatten(0, vector.shape[:2]) for name, array in seen.items()}

    def _no_vector(self) -> Tensor:
        shape = (self.config.critic_updates_per_actor_update, self.config.batch_size, 0)
        return torch.zeros(shape, device=self.device)

    def _seed_dropout(self) -> None:
        """Seeds torch's own generator, from which dropout draws: an update must draw the same after a restart."""
        if self.networks.training_policy is not self.networks.policy:
            torch.manual_seed(hash((self._seed, self.update_count)) % 2**63)

    def _draw_members(self) -> list[Tensor | None]:
        """Draws the members of each minibatch's target, with replacement."""
        updates, targets = self.config.critic_updates_per_actor_update, self.config.target_critic_count
        if targets is None:
            return [None] * updates
        shape = (updates, targets)
        drawn = torch.randint(self.config.critic_count, shape, generator=self._generator, device=self.device)
        return list(drawn)

    def _update_critics(
        self,
        batch: UpdateBatch,
        observations: Observations,
        next_observations: Observations,
        next_actions: Tensor,
        next_log_probabilities: Tensor,
    ) -> dict[str, Tensor]:
        networks = self.networks
        bonus = -networks.temperature().detach() * next_log_probabilities if self.config.backup_entropy else None
        metrics: list[Tensor] = []
        for index, members in enumerate(self._draw_members()):
            now, following = chosen(observations, index), chosen(next_observations, index)
            actions, rewards, terminated = batch.actions[index], batch.rewards[index], batch.terminated[index]
            minibatch = now, self._grippers.arm(actions), rewards, terminated, following, next_actions[index]
            gradients, values = self._critic_gradients(
                networks.critic,
                networks.critic_arrays,
                networks.target_arrays,
                minibatch,
                None if bonus is None else bonus[index],
                members,
                self.config.discount,
                self.config.return_range,
            )
            if self._grasp is not None:  # From the same arrays as the arm's critics, before either moves.
                own = rewards + batch.grasp_penalties[index]
                grasp_gradients, more = self._grasp.gradients(now, actions, own, terminated, following)
                values = torch.cat([values, more])
                self._adam["grasp"].step(grasp_gradients)
            metrics.append(values)
            self._step_critic(gradients)
        return dict(zip(_CRITIC_METRICS, torch.stack(metrics).mean(0), strict=False))

    def _step_critic(self, gradients: list[Tensor]) -> None:
        self._adam["critic"].step(gradients)
        if self.config.adam_clock == "joint":
            self._adam["policy"].step_without_gradient()
            self._adam["temperature"].step_without_gradient()
        if self._grasp is not None:
            self._grasp.follow()
        target, critic = list(self.networks.target_arrays.values()), list(self.networks.critic_arrays.values())
        torch._foreach_lerp_(target, critic, self.config.target_update_rate)  # pyright: ignore[reportPrivateImportUsage]
        self.critic_update_count += 1

    def _imitation(self, batch: UpdateBatch) -> tuple[Tensor, Tensor, float] | None:
        """Returns what the policy imitates: the arm's actions (B, A), whether a person chose them (B,), the weight."""
        if not self.config.imitation_weight:
            return None
        actions, interventions = batch.actions[self._policy_share], batch.interventions[self._policy_share]
        return self._grippers.arm(actions.flatten(0, 1)), interventions.flatten(), self.config.imitation_weight

    def _update_policy(
        self,
        observations: Observations,
        next_log_probabilities: Tensor,
        imitation: tuple[Tensor, Tensor, float] | None = None,
    ) -> dict[str, Tensor]:
        networks, shape = self.networks, (next_log_probabilities.numel(), self._grippers.arm_size)
        noise = torch.randn(shape, generator=self._generator, device=self.device)
        policy_gradients, temperature_gradients, metrics = self._policy_gradients(
            (networks.training_policy, networks.critic, networks.temperature),
            (networks.policy_arrays, networks.fixed_arrays, networks.critic_arrays, networks.temperature_arrays),
            observations,
            noise,
            next_log_probabilities,
            self.target_entropy,
            imitation,
        )
        self._adam["policy"].step(policy_gradients)
        self._adam["temperature"].step(temperature_gradients)
        if self.config.adam_clock == "joint":
            self._adam["critic"].step_without_gradient()
            if self._grasp is not None:
                self._adam["grasp"].step_without_gradient()
        return dict(zip(("actor_loss", "entropy", "temperature", "temperature_loss"), metrics.unbind(), strict=True))


def _check_spec(spec: EnvironmentSpec, *, sees: bool) -> tuple[ArraySpec, ...]:
    """Returns the cameras."""
    if sees:
        return cameras_of(spec)
    others = [array.name for array in spec.observation if not array.is_vector]
    if others:
        raise SpecError(f"the observation has {others}, which are no flat vectors; this agent learns from vectors only")
    return ()


def _check_state(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    differing = sorted(set(own) ^ set(state))
    if differing:
        where = "missing" if differing[0] in own else "unknown"
        raise ValueError(f"array {differing[0]!r} is {where} in the state; load it with the settings it was saved with")
    for name, value in own.items():
        if value.shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)} in the state but {tuple(value.shape)} here"
            raise ValueError(f"array {name!r} has shape {shapes}; load it with the settings it was saved with")
