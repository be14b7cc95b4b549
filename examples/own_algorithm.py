"""Adds an algorithm without touching the product: a small TD3+BC (Fujimoto and Gu 2021, arXiv:2106.06860).

Beside this file: `serl-train learner --algorithm own_algorithm:TD3 …`, and the same for the actor. A package offers it
under the entry-point group `serl.algorithms` instead.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from serl_rl.algorithms.algorithm import Agent, Algorithm
from serl_rl.models.vision.config import VisionConfig
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.update_batch import UpdateBatch


@dataclass(frozen=True, kw_only=True)
class Td3Config:
    """Settings, which become options of the command line and a section of config.json."""

    batch_size: int = 64
    discount: float = 0.9
    learning_rate: float = 1e-3
    exploration: float = 0.3


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    """Makes a network of two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


class Td3Agent(Agent):
    """Two critics, a deterministic policy, and targets that follow both."""

    def __init__(self, spec: EnvironmentSpec, config: Td3Config, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        self.config, self.device, self.names = config, device, [array.name for array in spec.vectors]
        size = spec.vector_size
        critics = [mlp(size + spec.action_size, 1) for _ in range(2)]
        self.nets = nn.ModuleDict({"policy": mlp(size, spec.action_size), "critics": nn.ModuleList(critics)}).to(device)
        self.targets = copy.deepcopy(self.nets)
        parts = self.nets["policy"], self.nets["critics"]
        self.adams = [torch.optim.Adam(part.parameters(), config.learning_rate) for part in parts]

    def update(self, batch: UpdateBatch) -> dict[str, Tensor]:
        """Takes one step of the critics, then one of the policy."""
        batch = batch.to(torch.device(self.device))
        now = torch.cat([batch.observations[name][0] for name in self.names], -1)
        following = torch.cat([batch.next_observations[name][0] for name in self.names], -1)
        with torch.no_grad():
            next_actions = torch.tanh(self.targets["policy"](following))
            value = torch.min(*(self.values(self.targets, following, next_actions)))
            goal = batch.rewards[0] + self.config.discount * (1 - batch.terminated[0]) * value
            largest = value.max()
        critic_loss = sum(((q - goal) ** 2).mean() for q in self.values(self.nets, now, batch.actions[0]))
        self.step(self.adams[1], critic_loss)
        chosen = torch.tanh(self.nets["policy"](now))
        best = self.values(self.nets, now, chosen)[0].mean()
        distance = ((chosen - batch.actions[0]) ** 2).sum(-1)
        self.step(self.adams[0], (batch.interventions[0] * distance).mean() - best)
        with torch.no_grad():
            for target, own in zip(self.targets.parameters(), self.nets.parameters(), strict=True):
                target.lerp_(own, 0.02)
        return {"critic_loss": critic_loss.detach(), "q_mean": best.detach(), "largest_q": largest}

    def values(self, nets: nn.ModuleDict, observations: Tensor, actions: Tensor) -> list[Tensor]:
        """Returns what each critic expects, (B,)."""
        return [critic(torch.cat([observations, actions], -1)).squeeze(-1) for critic in nets["critics"]]

    def step(self, adam: torch.optim.Adam, loss: Tensor) -> None:
        """Takes one step of gradient descent."""
        self.nets.zero_grad()
        loss.backward()
        adam.step()

    def policy_arrays(self) -> dict[str, Tensor]:
        """Returns what the actor needs."""
        return self.nets["policy"].state_dict()

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint holds."""
        adams = [adam.state_dict() for adam in self.adams]
        return copy.deepcopy({"nets": self.nets.state_dict(), "targets": self.targets.state_dict(), "adams": adams})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.nets.load_state_dict(state["nets"])
        self.targets.load_state_dict(state["targets"])
        for adam, saved in zip(self.adams, state["adams"], strict=True):
            adam.load_state_dict(saved)


class Td3Policy:
    """What the actor runs, in NumPy."""

    def __init__(self, spec: EnvironmentSpec, config: Td3Config) -> None:
        self.spec, self.config = spec, config
        self.arrays: dict[str, np.ndarray] = {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `policy_arrays` returned."""
        self.arrays = {name: np.asarray(value, np.float32) for name, value in state.items()}

    def begin_episode(self) -> None:
        """Does nothing: each observation is enough."""

    def act(
        self, observation: Mapping[str, np.ndarray], rng: np.random.Generator, *, deterministic: bool = False
    ) -> np.ndarray:
        """Chooses an action in [-1, 1], with noise to explore unless it must be deterministic."""
        if not self.arrays:
            return rng.uniform(-1, 1, self.spec.action_size).astype(np.float32)
        x = np.concatenate([observation[array.name] for array in self.spec.vectors])
        for layer in ("0", "2", "4"):
            x = self.arrays[f"{layer}.weight"] @ x + self.arrays[f"{layer}.bias"]
            x = np.tanh(x) if layer == "4" else np.maximum(x, 0)
        noise = 0 if deterministic else self.config.exploration * rng.standard_normal(len(x))
        return np.clip(x + noise, -1, 1).astype(np.float32)


class Td3(Algorithm):
    """How agents and policies are made."""

    config_type = Td3Config
    metrics = ("critic_loss", "q_mean", "largest_q")

    def batch_shape(self, config: Td3Config) -> tuple[int, int]:
        """Returns one minibatch and its size."""
        return 1, config.batch_size

    def make_agent(
        self, spec: EnvironmentSpec, config: Td3Config, *, vision: VisionConfig | None, seed: int, device: str
    ) -> Agent:
        """Makes a fresh agent."""
        del vision  # Flat vectors only.
        return Td3Agent(spec, config, seed, device)

    def make_policy(self, spec: EnvironmentSpec, config: Td3Config, *, vision: VisionConfig | None) -> Td3Policy:
        """Makes what the actor runs."""
        del vision
        return Td3Policy(spec, config)


TD3 = Td3()
