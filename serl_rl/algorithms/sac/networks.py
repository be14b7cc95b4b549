"""Makes the networks of soft actor-critic and groups their arrays by loss and target."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.models.critic_ensemble import CriticEnsemble
from serl_rl.models.gaussian_policy import GaussianTanhPolicy
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.perception import VisualCritic, VisualPolicy, is_trained_by_policy
from serl_rl.models.temperature import Temperature
from serl_rl.models.types import Arrays
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor


@dataclass(frozen=True)
class SacNetworks:
    """Holds the networks and, by name, their arrays, which share the memory of the networks.

    Where there are images, policy and critics share what perceives: the critics' loss trains all of it, the policy's
    loss the part for the flat vectors alone. The target holds a copy of all that the critics are, perception included.
    """

    policy: nn.Module
    """From observations to a distribution."""
    training_policy: nn.Module
    """The same with dropout where the settings have one: upstream's policy trains with it, its critics do not."""
    critic: nn.Module
    """From observations and actions to values."""
    target_critic: nn.Module
    """A slower copy."""
    temperature: Temperature
    """Weight of the entropy."""
    policy_arrays: Arrays
    """What the policy's loss trains."""
    fixed_arrays: Arrays
    """What the policy uses besides."""
    critic_arrays: Arrays
    """What the critics' loss trains."""
    target_arrays: Arrays
    """What follows `critic_arrays`."""
    temperature_arrays: Arrays
    """What the temperature's loss trains."""

    def parts(self) -> dict[str, Arrays]:
        """Returns all arrays of a checkpoint, each once, by part."""
        shared = {array.data_ptr() for array in self.critic_arrays.values()}
        own = {name: array for name, array in self.policy_arrays.items() if array.data_ptr() not in shared}
        return {
            "policy": own,
            "critic": self.critic_arrays,
            "target_critic": self.target_arrays,
            "temperature": self.temperature_arrays,
        }


def make_networks(
    observation_size: int,
    action_size: int,
    config: SacConfig,
    preprocessor: ImagePreprocessor | None,
    arithmetic: Arithmetic,
    generator: torch.Generator,
    device: torch.device,
) -> SacNetworks:
    """Makes fresh networks.

    Args:
        observation_size: Components of the flat vectors.
        action_size: Components of the actions that the policy chooses.
        config: Settings.
        preprocessor: What prepares images; None where there are none.
        arithmetic: How hidden layers compute.
        generator: Source of the initial weights.
        device: Where they live.
    """
    perception = None if preprocessor is None else preprocessor.make_perception(arithmetic, generator)
    sizes = (observation_size if perception is None else perception.output_size, action_size, config.hidden_sizes)
    arm_policy = GaussianTanhPolicy(*sizes, arithmetic, generator)
    ensemble = CriticEnsemble(
        *sizes, config.critic_count, arithmetic, generator, shares_value=config.shares_value_layer
    )
    policy = arm_policy if perception is None else VisualPolicy(perception, arm_policy)
    critic = ensemble if perception is None else VisualCritic(perception, ensemble)
    policy, critic = policy.to(device).eval(), critic.to(device).eval()
    target_critic = copy.deepcopy(critic)
    temperature = Temperature(config.initial_temperature).to(device)
    policy_arrays = _arrays(policy)
    return SacNetworks(
        policy=policy,
        training_policy=copy.deepcopy(policy).train() if _has_dropout(policy) else policy,
        critic=critic,
        target_critic=target_critic,
        temperature=temperature,
        policy_arrays={name: array for name, array in policy_arrays.items() if is_trained_by_policy(name)},
        fixed_arrays={name: array for name, array in policy_arrays.items() if not is_trained_by_policy(name)},
        critic_arrays=_arrays(critic),
        target_arrays=_arrays(target_critic),
        temperature_arrays=_arrays(temperature),
    )


def _arrays(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in module.named_parameters()}


def _has_dropout(module: nn.Module) -> bool:
    return any(isinstance(layer, nn.Dropout) and layer.p > 0 for layer in module.modules())
