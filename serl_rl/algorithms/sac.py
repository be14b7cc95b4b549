"""Soft actor-critic with an ensemble of critics (SAC, REDQ, and RLPD when half of each batch are demonstrations).

Haarnoja et al. 2018 (arXiv:1812.05905), Chen et al. 2021 (arXiv:2101.05982), Ball et al. 2023 (arXiv:2302.02948).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value

from serl_rl.algorithms.adam import Adam
from serl_rl.algorithms.compilation import compiled, fast_arithmetic, should_compile
from serl_rl.algorithms.losses import actor_loss, bootstrap_target, critic_loss, temperature_loss
from serl_rl.algorithms.sac_config import SacConfig
from serl_rl.networks.critic import CriticEnsemble
from serl_rl.networks.policy import GaussianTanhPolicy, squashed_sample
from serl_rl.networks.temperature import Temperature
from serl_rl.replay.update_batch import UpdateBatch
from serl_rl.spec import EnvironmentSpec, SpecError

__all__ = ["SacAgent", "SacConfig"]

_Arrays: TypeAlias = dict[str, Tensor]
_Function = TypeVar("_Function", bound=Callable[..., Any])


class SacAgent:
    """Policy, critics and temperature with their optimisers.

    One thread at a time may call it.

    Args:
        spec: What the environment observes and takes.
        config: Settings.
        seed: Seed of the initial weights and of all noise.
        device: Where the networks live.

    Raises:
        SpecError: The observation has no flat vector, or has arrays that this agent cannot read.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        config: SacConfig,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        _check_spec(spec)
        self.spec = spec
        self.config = config
        self.device = torch.device(device)
        self.target_entropy = -spec.action_size / 2 if config.target_entropy is None else config.target_entropy
        self.is_compiled = should_compile(config.compile, self.device)
        self._create_networks(torch.Generator().manual_seed(seed))
        self._create_optimizers()
        self._generator = torch.Generator(self.device).manual_seed(seed)
        self._critic_update_count = 0
        self._update_count = 0
        wrap = compiled if self.is_compiled else _unchanged
        self._next_actions = wrap(_next_actions)
        self._critic_gradients = wrap(_critic_gradients)
        self._policy_gradients = wrap(_policy_gradients)

    @property
    def critic_update_count(self) -> int:
        """Number of critic updates so far."""
        return self._critic_update_count

    @property
    def update_count(self) -> int:
        """Number of calls of `update` so far, which is the number of policy updates."""
        return self._update_count

    def update(self, batch: UpdateBatch) -> dict[str, Tensor]:
        """Updates critics once for each minibatch, then policy and temperature once.

        Does not wait for the device.

        Args:
            batch: `critic_updates_per_actor_update` minibatches of `batch_size` transitions.

        Returns:
            Scalars on the device: critic_loss, q_mean, target_mean, actor_loss, entropy, temperature, temperature_loss.

        Raises:
            ValueError: The batch has other sizes than the settings.
        """
        self._check_batch(batch)
        batch = batch.to(self.device)
        observations = self._vectors(batch.observations)
        next_observations = self._vectors(batch.next_observations)
        noise = torch.randn(batch.actions.shape, generator=self._generator, device=self.device)
        # The policy does not change during the critic updates, so all next actions are one product.
        next_actions, next_log_probabilities = self._next_actions(
            self.policy, self._policy_arrays, next_observations, noise
        )
        metrics = self._update_critics(batch, observations, next_observations, next_actions, next_log_probabilities)
        chosen = self._policy_share
        metrics |= self._update_policy(observations[chosen].flatten(0, 1), next_log_probabilities[chosen])
        self._update_count += 1
        return metrics

    def prepare(self) -> None:
        """Compiles everything that `update` needs, which takes up to a minute; changes no state."""
        state = self.state_dict()
        self.update(self._made_up_batch())
        self.load_state_dict(state)

    def policy_state(self) -> dict[str, Tensor]:
        """Returns copies of the policy's arrays on the CPU: what an actor needs and nothing else."""
        return {name: value.detach().cpu().clone() for name, value in self.policy.named_parameters()}

    def state_dict(self) -> dict[str, Tensor]:
        """Returns copies of everything that training goes on from: networks, optimisers, counts, random generator."""
        counts = torch.tensor([self._critic_update_count, self._update_count])
        state = {"counts": counts, "generator": self._generator.get_state()}
        for part, module in self._modules().items():
            state |= {f"{part}.{name}": value.detach().clone() for name, value in module.named_parameters()}
        for part, optimizer in self._optimizers().items():
            state |= {f"{part}_adam.{name}": value for name, value in optimizer.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copies what `state_dict` returned, of an agent with equal spec and network sizes.

        Raises:
            ValueError: An array is missing, unknown, or has another shape; nothing was changed.
        """
        _check_state(self.state_dict(), state)
        for part, module in self._modules().items():
            for name, value in module.named_parameters():
                value.data.copy_(state[f"{part}.{name}"])
        for part, optimizer in self._optimizers().items():
            prefix = f"{part}_adam."
            optimizer.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self._generator.set_state(state["generator"].cpu())
        self._critic_update_count, self._update_count = state["counts"].tolist()

    def _create_networks(self, generator: torch.Generator) -> None:
        config, sizes = self.config, (self.spec.vector_size, self.spec.action_size, self.config.hidden_sizes)
        arithmetic = fast_arithmetic(config.precision, self.device, is_compiled=self.is_compiled)
        self.policy = GaussianTanhPolicy(*sizes, arithmetic, generator).to(self.device)
        self.critic = CriticEnsemble(*sizes, config.critic_count, arithmetic, generator).to(self.device)
        self.target_critic = copy.deepcopy(self.critic)
        self.temperature = Temperature(config.initial_temperature).to(self.device)
        # Gradients are functions of these arrays, which share the memory of the modules.
        self._policy_arrays, self._critic_arrays, self._target_arrays, self._temperature_arrays = (
            {name: value.detach() for name, value in module.named_parameters()} for module in self._modules().values()
        )

    def _create_optimizers(self) -> None:
        rate, warm_up = self.config.learning_rate, self.config.warm_up_steps
        self._critic_adam = Adam(self._critic_arrays, rate, warm_up)
        self._policy_adam = Adam(self._policy_arrays, rate, warm_up)
        self._temperature_adam = Adam(self._temperature_arrays, rate)

    @property
    def _policy_share(self) -> slice:
        """Minibatches that the policy is updated on."""
        return slice(None) if self.config.actor_batch == "all" else slice(-1, None)

    def _modules(self) -> dict[str, torch.nn.Module]:
        return {
            "policy": self.policy,
            "critic": self.critic,
            "target_critic": self.target_critic,
            "temperature": self.temperature,
        }

    def _optimizers(self) -> dict[str, Adam]:
        return {"policy": self._policy_adam, "critic": self._critic_adam, "temperature": self._temperature_adam}

    def _check_batch(self, batch: UpdateBatch) -> None:
        expected = (self.config.critic_updates_per_actor_update, self.config.batch_size)
        if (batch.minibatches, batch.batch_size) != expected:
            found = f"{batch.minibatches} minibatches of {batch.batch_size}"
            raise ValueError(f"the batch has {found} transitions; this agent needs {expected[0]} of {expected[1]}")

    def _made_up_batch(self) -> UpdateBatch:
        shape = (self.config.critic_updates_per_actor_update, self.config.batch_size)
        return UpdateBatch(
            observations={array.name: torch.zeros(*shape, array.size) for array in self.spec.vectors},
            actions=torch.zeros(*shape, self.spec.action_size),
            rewards=torch.zeros(shape),
            next_observations={array.name: torch.zeros(*shape, array.size) for array in self.spec.vectors},
            terminated=torch.zeros(shape),
            grasp_penalties=torch.zeros(shape),
        )

    def _vectors(self, observations: Mapping[str, Tensor]) -> Tensor:
        vectors = [observations[array.name] for array in self.spec.vectors]
        return vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1)

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
        observations: Tensor,
        next_observations: Tensor,
        next_actions: Tensor,
        next_log_probabilities: Tensor,
    ) -> dict[str, Tensor]:
        bonus = -self.temperature().detach() * next_log_probabilities if self.config.backup_entropy else None
        columns = (observations, batch.actions, batch.rewards, batch.terminated, next_observations, next_actions)
        metrics: list[Tensor] = []
        for index, members in enumerate(self._draw_members()):
            gradients, values = self._critic_gradients(
                self.critic,
                self._critic_arrays,
                self._target_arrays,
                tuple(column[index] for column in columns),
                None if bonus is None else bonus[index],
                members,
                self.config.discount,
                self.config.return_range,
            )
            metrics.append(values)
            self._step_critic(gradients)
        return dict(zip(("critic_loss", "q_mean", "target_mean"), torch.stack(metrics).mean(0), strict=True))

    def _step_critic(self, gradients: list[Tensor]) -> None:
        self._critic_adam.step(gradients)
        if self.config.adam_clock == "joint":
            self._policy_adam.step_without_gradient()
            self._temperature_adam.step_without_gradient()
        target, critic = list(self._target_arrays.values()), list(self._critic_arrays.values())
        torch._foreach_lerp_(target, critic, self.config.target_update_rate)  # pyright: ignore[reportPrivateImportUsage]
        self._critic_update_count += 1

    def _update_policy(self, observations: Tensor, next_log_probabilities: Tensor) -> dict[str, Tensor]:
        shape = (len(observations), self.spec.action_size)
        noise = torch.randn(shape, generator=self._generator, device=self.device)
        policy_gradients, temperature_gradients, metrics = self._policy_gradients(
            (self.policy, self.critic, self.temperature),
            (self._policy_arrays, self._critic_arrays, self._temperature_arrays),
            observations,
            noise,
            next_log_probabilities,
            self.target_entropy,
        )
        self._policy_adam.step(policy_gradients)
        self._temperature_adam.step(temperature_gradients)
        if self.config.adam_clock == "joint":
            self._critic_adam.step_without_gradient()
        return dict(zip(("actor_loss", "entropy", "temperature", "temperature_loss"), metrics.unbind(), strict=True))


def _next_actions(
    policy: GaussianTanhPolicy, arrays: _Arrays, observations: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Samples an action for each observation, without gradient. Shapes (U, B, A) and (U, B)."""
    mean, log_std = functional_call(policy, arrays, observations.flatten(0, 1))
    actions, log_probabilities = squashed_sample(mean, log_std, noise.flatten(0, 1))
    return actions.view_as(noise), log_probabilities.view(noise.shape[:2])


def _critic_gradients(
    critic: CriticEnsemble,
    arrays: _Arrays,
    target_arrays: _Arrays,
    minibatch: tuple[Tensor, ...],
    bonus: Tensor | None,
    members: Tensor | None,
    discount: float,
    return_range: tuple[float, float] | None,
) -> tuple[list[Tensor], Tensor]:
    """Returns the gradients of the critic's loss, and (loss, mean value, mean target)."""
    observations, actions, rewards, terminated, next_observations, next_actions = minibatch
    next_values = functional_call(critic, target_arrays, (next_observations, next_actions, members))
    target = bootstrap_target(
        rewards, terminated, next_values, discount, next_entropy_bonus=bonus, return_range=return_range
    )

    def loss_of(arrays: _Arrays) -> tuple[Tensor, Tensor]:
        values = functional_call(critic, arrays, (observations, actions))
        return critic_loss(values, target), values.mean()

    gradients, (loss, mean_value) = grad_and_value(loss_of, has_aux=True)(arrays)
    return list(gradients.values()), torch.stack([loss, mean_value, target.mean()])


def _policy_gradients(
    networks: tuple[GaussianTanhPolicy, CriticEnsemble, Temperature],
    arrays: tuple[_Arrays, _Arrays, _Arrays],
    observations: Tensor,
    noise: Tensor,
    next_log_probabilities: Tensor,
    target_entropy: float,
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Returns the gradients of policy and temperature, and (policy's loss, entropy, temperature, its loss)."""
    policy, critic, temperature = networks
    policy_arrays, critic_arrays, temperature_arrays = arrays
    alpha = functional_call(temperature, temperature_arrays, ())

    def policy_loss_of(arrays: _Arrays) -> tuple[Tensor, Tensor]:
        mean, log_std = functional_call(policy, arrays, observations)
        actions, log_probabilities = squashed_sample(mean, log_std, noise)
        values = functional_call(critic, critic_arrays, (observations, actions))
        return actor_loss(values, log_probabilities, alpha), -log_probabilities.mean()

    def temperature_loss_of(arrays: _Arrays) -> Tensor:
        return temperature_loss(functional_call(temperature, arrays, ()), next_log_probabilities, target_entropy)

    policy_gradients, (loss, entropy) = grad_and_value(policy_loss_of, has_aux=True)(policy_arrays)
    temperature_gradients, alpha_loss = grad_and_value(temperature_loss_of)(temperature_arrays)
    metrics = torch.stack([loss, entropy, alpha, alpha_loss])
    return list(policy_gradients.values()), list(temperature_gradients.values()), metrics


def _unchanged(function: _Function) -> _Function:
    return function


def _check_spec(spec: EnvironmentSpec) -> None:
    others = [array.name for array in spec.observation if not array.is_vector]
    if others:
        raise SpecError(f"the observation has {others}, which are no flat vectors; this agent learns from vectors only")


def _check_state(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    differing = sorted(set(own) ^ set(state))
    if differing:
        where = "missing" if differing[0] in own else "unknown"
        raise ValueError(f"array {differing[0]!r} is {where} in the state; load it with the settings it was saved with")
    for name, value in own.items():
        if value.shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)} in the state but {tuple(value.shape)} here"
            raise ValueError(f"array {name!r} has shape {shapes}; load it with the settings it was saved with")
