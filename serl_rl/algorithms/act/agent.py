"""Trains the network from demonstrated chunks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from serl_rl.algorithms.act.building import STYLE_ENCODER, make_model, make_preprocessor
from serl_rl.algorithms.act.chunk_batch import ChunkBatch
from serl_rl.algorithms.act.config import ActConfig, ActTrainingConfig
from serl_rl.algorithms.act.losses import masked_l1, style_divergence
from serl_rl.algorithms.act.network import Prediction
from serl_rl.algorithms.act.normalization import ChunkStatistics
from serl_rl.models.types import Observations
from serl_rl.models.vision.config import VisionConfig
from serl_rl.protocol.spec import EnvironmentSpec

_BACKBONES = "network.cameras.backbones."


class ActAgent:
    """Trains a policy by action chunking. One thread at a time may call it.

    Dropout and styles draw from torch's own generator.

    Args:
        spec: What the environment observes and takes.
        config: The network.
        training: Step sizes.
        vision: How it sees; None where the observation has no images.
        statistics: Of the demonstrations.
        seed: Seed of the initial weights.
        device: Where to train.

    Raises:
        SpecError: The observation has arrays that the network cannot read.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        config: ActConfig,
        training: ActTrainingConfig,
        *,
        vision: VisionConfig | None,
        statistics: ChunkStatistics,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.spec = spec
        self.config = config
        self.training = training
        self.device = torch.device(device)
        self.preprocessor = make_preprocessor(spec, vision, self.device)
        model = make_model(spec, config, vision, self.preprocessor, statistics, seed)
        self._model = model.to(self.device).eval()
        backbone = [value for name, value in model.named_parameters() if name.startswith(_BACKBONES)]
        others = [value for name, value in model.named_parameters() if not name.startswith(_BACKBONES)]
        groups: list[dict[str, Any]] = [{"params": others, "lr": training.learning_rate}]
        if backbone:
            groups.append({"params": backbone, "lr": training.backbone_learning_rate})
        self._rates = [group["lr"] for group in groups]
        self._adam = torch.optim.AdamW(groups, weight_decay=training.weight_decay)

    def update(self, batch: ChunkBatch, rate_share: float = 1.0) -> dict[str, Tensor]:
        """Takes one step of gradient descent.

        Args:
            batch: What to imitate.
            rate_share: Share of the step sizes that it takes.

        Returns:
            "loss", "l1" of normalised actions and "kl" in nat: scalars on the device.
        """
        for group, rate in zip(self._adam.param_groups, self._rates, strict=True):
            group["lr"] = rate * rate_share
        self._model.train()
        losses = self.losses(batch)
        self._adam.zero_grad()
        losses["loss"].backward()
        self._adam.step()
        self._model.eval()
        return {name: value.detach() for name, value in losses.items()}

    def losses(self, batch: ChunkBatch, noise: Tensor | None = None) -> dict[str, Tensor]:
        """Computes the losses of training.

        Args:
            batch: What to imitate.
            noise: Standard normal numbers of the styles, (B, L); drawn if None.
        """
        if noise is None:
            noise = torch.randn(len(batch.actions), self.config.latent_size, device=self.device)
        actions = self._model.normalization.actions(batch.actions)
        made = self._predict(batch.observations, actions, batch.is_pad, noise)
        distance = masked_l1(made.actions, actions, batch.is_pad)
        losses = {"l1": distance, "kl": distance.new_zeros(())}
        if made.mean is not None and made.log_variance is not None:
            losses["kl"] = style_divergence(made.mean, made.log_variance)
        return losses | {"loss": distance + self.config.kl_weight * losses["kl"]}

    @torch.no_grad()
    def judge(self, batch: ChunkBatch) -> float:
        """Measures the mean distance of the actions that the policy would choose, in the environment's units."""
        made = self._model.normalization.denormalized(self._predict(batch.observations).actions)
        return masked_l1(made.clamp(-1, 1), batch.actions, batch.is_pad).item()

    def policy_state(self) -> dict[str, Tensor]:
        """Returns copies of what acting needs, on the CPU: weights and statistics, without the style's encoder."""
        arrays = self._model.state_dict().items()
        return {name: value.cpu().clone() for name, value in arrays if not name.startswith(STYLE_ENCODER)}

    def state_dict(self) -> dict[str, Any]:
        """Returns copies of everything that training goes on from but torch's generator."""
        return copy.deepcopy({"model": self._model.state_dict(), "adam": self._adam.state_dict()})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state_dict` returned.

        Raises:
            ValueError: It is of an agent with other settings.
        """
        try:
            self._model.load_state_dict(state["model"])
            self._adam.load_state_dict(state["adam"])
        except (RuntimeError, KeyError) as error:
            raise ValueError(
                f"the saved network differs from the settings: {str(error).splitlines()[-1].strip()}"
            ) from error

    def _predict(
        self,
        observations: Observations,
        actions: Tensor | None = None,
        is_pad: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Prediction:
        state, seen = observations if isinstance(observations, tuple) else (observations, None)
        return self._model.network(self._model.normalization.state(state), seen, actions, is_pad, noise)
