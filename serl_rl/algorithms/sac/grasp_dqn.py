"""Learns when to open and close grippers: double DQN beside the actor-critic of the arm."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.gradients import grasp_gradients
from serl_rl.models.adam import Adam
from serl_rl.models.grasp_critic import VisualGraspCritic, make_grasp_critic
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.perception import VisualCritic
from serl_rl.models.types import Arrays, Observations

Wrap = Callable[[Any], Any]


class GraspLearner:
    """Trains a grasp critic against its target.

    Where there are images it shares perception with the arm's critics, and their target's with their target.

    Args:
        observation_size: Components of the flat vectors.
        layout: Which components of an action are grippers'.
        config: Settings.
        critic: The arm's critics, for their perception.
        target_critic: Their target.
        arithmetic: How hidden layers compute.
        generator: Source of the initial weights.
        device: Where it lives.
        wrap: Compiles a function, or returns it as it is.
    """

    def __init__(
        self,
        observation_size: int,
        layout: GripperLayout,
        config: SacConfig,
        critic: nn.Module,
        target_critic: nn.Module,
        arithmetic: Arithmetic,
        generator: torch.Generator,
        device: torch.device,
        wrap: Wrap,
    ) -> None:
        self._layout = layout
        self._config = config
        perception = critic.perception if isinstance(critic, VisualCritic) else None
        rest = layout.choice_count, config.hidden_sizes, arithmetic, generator
        network = make_grasp_critic(critic, observation_size, *rest).to(device)
        target = copy.deepcopy(network)
        self.critic: nn.Module = network if perception is None else VisualGraspCritic(perception, network)
        """From observations to the value of each choice."""
        self._own = {name: value.detach() for name, value in network.named_parameters()}
        self._own_target = {name: value.detach() for name, value in target.named_parameters()}
        self._arrays, self._target_arrays = self._own, self._own_target
        if perception is not None:
            self._arrays = _joined(critic, self._own)
            self._target_arrays = _joined(target_critic, self._own_target)
        self.adam = Adam(self._arrays, config.learning_rate, config.warm_up_steps)
        """Its optimiser; the target follows by `follow`."""
        self._gradients = wrap(grasp_gradients)

    def parts(self) -> dict[str, Arrays]:
        """Returns the arrays of a checkpoint, without perception, by part."""
        return {"grasp": self._own, "target_grasp": self._own_target}

    def policy_arrays(self) -> dict[str, Tensor]:
        """Returns what an actor needs beside the policy; not copied."""
        return {f"grasp.{name}": value for name, value in self._own.items()}

    def gradients(
        self,
        observations: Observations,
        actions: Tensor,
        rewards: Tensor,
        terminated: Tensor,
        next_observations: Observations,
    ) -> tuple[list[Tensor], Tensor]:
        """Computes the gradients of the loss on one minibatch.

        Args:
            observations: What was seen.
            actions: Whole executed actions. Shape (B, A).
            rewards: The task's and the gripper's own. Shape (B,).
            terminated: One where the task ended the episode. Shape (B,).
            next_observations: What was seen next.

        Returns:
            One for each array, and (loss, mean value).
        """
        bounds = self._config.return_range
        choices = self._layout.choices(actions)
        minibatch = observations, choices, rewards, terminated, next_observations
        largest = None if bounds is None else bounds[1]
        return self._gradients(
            self.critic, self._arrays, self._target_arrays, minibatch, self._config.discount, largest
        )

    def follow(self) -> None:
        """Moves the target towards the critic, shared arrays excepted."""
        target, own = list(self._own_target.values()), list(self._own.values())
        torch._foreach_lerp_(target, own, self._config.target_update_rate)  # pyright: ignore[reportPrivateImportUsage]


def _joined(critic: nn.Module, own: Arrays) -> Arrays:
    """Perception's arrays under the names of a `VisualGraspCritic`, and its own."""
    shared = {name: value.detach() for name, value in critic.named_parameters() if name.startswith("perception.")}
    return shared | {f"network.{name}": value for name, value in own.items()}
