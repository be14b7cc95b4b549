"""Implements VICE: a reward from a classifier trained with the policy to tell goals from its states.

Fu et al. 2018, "Variational Inverse Control with Events" (arXiv:1805.11686), with the regularisation of SERL (Luo et
al. 2024, arXiv:2401.16013): smoothed labels, mixup, gradient penalty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from serl_rl.models.adam import Adam
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.types import Arrays, Observations
from serl_rl.models.vision.head import CameraHeads
from serl_rl.models.vision.image_encoder import ImageEncoder
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.update_batch import UpdateBatch
from serl_rl.rewards.classifier.config import ClassifierConfig
from serl_rl.rewards.classifier.network import ClassifierHead
from serl_rl.rewards.vice_config import ViceConfig
from serl_rl.rewards.vice_losses import event_loss, event_reward, gradient_penalty, mixed, smoothed

_VECTOR = "vector"


class Goals(Protocol):
    """Samples frames that show the task done, such as a `FrameBank`."""

    def __len__(self) -> int:
        """Returns the number of frames."""
        ...

    def draw(self, indices: np.ndarray, generator: torch.Generator | None = None) -> Observations:
        """Samples frames, with crops from the generator."""
        ...


class EventClassifier(nn.Module):
    """Computes the logit of success: heads of the cameras, then a reward classifier's; of flat vectors that alone.

    Args:
        images: What reads the cameras' feature maps; None for flat vectors.
        vector_size: Components of the flat vectors, which are read only where there are no cameras, as in SERL.
        config: Sizes.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        images: CameraHeads | ImageEncoder | None,
        vector_size: int,
        config: ViceConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.images = images
        inputs = vector_size if images is None else images.output_size
        sizes = ClassifierConfig(hidden_size=config.hidden_size, dropout=config.dropout)
        self.head = ClassifierHead(inputs, 1, sizes, generator)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Classifies.

        Args:
            inputs: Feature maps by camera, (B, C, h, w), or the flat vectors (B, D) under "vector".

        Returns:
            Shape (B,).
        """
        features = inputs[_VECTOR] if self.images is None else self.images(inputs)
        return self.head(features).squeeze(-1)


class Vice:
    """Trains the classifier and computes its rewards. One thread at a time may call it.

    All randomness comes from the seed and the number of updates, so that a resumed run goes on as if never stopped.

    Args:
        spec: What the environment observes.
        config: Settings.
        preprocessor: The agent's, whose frozen backbone it shares; None where there are no images.
        seed: Seed of everything.
        device: Where it lives.

    Raises:
        ValueError: The backbone is trained, so that its feature maps do not stay.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        config: ViceConfig,
        preprocessor: ImagePreprocessor | None,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        if preprocessor is not None and preprocessor.frozen is None:
            raise ValueError("vice classifies maps of a frozen backbone; set vision.encoder.backbone.frozen")
        self.config = config
        self._device = torch.device(device)
        self._preprocessor = preprocessor
        self._vectors = tuple(array.name for array in spec.vectors)
        generator = torch.Generator().manual_seed(seed)
        images = None if preprocessor is None else preprocessor.make_images(Arithmetic(), generator)
        self.network = EventClassifier(images, spec.vector_size, config, generator).to(self._device).eval()
        """From maps or flat vectors to the logit of success."""
        self._arrays: Arrays = {name: value.detach() for name, value in self.network.named_parameters()}
        self.adam = Adam(self._arrays, config.learning_rate)
        """Its optimiser, which counts the classifier's updates."""
        self._seed = seed
        self._call_count = 0
        self._goals: Goals | None = None
        self._loss = torch.full((), torch.nan, device=self._device)

    def set_goals(self, goals: Goals) -> None:
        """Sets the frames that show the task done; at least one."""
        self._goals = goals

    def reward(self, batch: UpdateBatch) -> tuple[UpdateBatch, dict[str, Tensor]]:
        """Updates the classifier if that is due, then computes a batch's rewards from its next states.

        Args:
            batch: Minibatches whose first halves are the policy's steps, the second demonstrations and interventions.

        Returns:
            The batch with rewards of the classifier alone. No step of it ends the task: what is earned at a goal must
            not be less than what is earned by waiting before it. And vice_loss and vice_reward, the mean reward of the
            policy's own steps, scalars on the device.
        """
        rng = np.random.default_rng((self._seed, self._call_count))
        inputs = self._read(batch.next_observations, rng)
        minibatches, size = batch.rewards.shape
        own = torch.arange(minibatches * size, device=self._device).view(minibatches, size)[:, : size // 2].flatten()
        if self._call_count % self.config.every_updates == 0:
            self._update({name: array[own] for name, array in inputs.items()}, rng)
        self._call_count += 1
        with torch.no_grad():
            logits = self.network(inputs).view(minibatches, size)
        rewards = event_reward(logits, self.config.reward)
        figures = {"vice_loss": self._loss, "vice_reward": rewards[:, : size // 2].mean()}
        return replace(batch, rewards=rewards, terminated=torch.zeros_like(batch.terminated)), figures

    def state_dict(self) -> dict[str, Tensor]:
        """Returns copies of everything that training goes on from."""
        state = {"calls": torch.tensor(self._call_count)}
        state |= {f"network.{name}": value.clone() for name, value in self._arrays.items()}
        return state | {f"adam.{name}": value for name, value in self.adam.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copies what `state_dict` returned, of equal settings.

        Raises:
            ValueError: An array is missing or has another shape; nothing was changed.
        """
        for name, value in self.state_dict().items():
            if name not in state or state[name].shape != value.shape:
                raise ValueError(f"array {name!r} of vice is missing or has another shape; load it with equal settings")
        for name, value in self._arrays.items():
            value.copy_(state[f"network.{name}"])
        self.adam.load_state_dict({k.removeprefix("adam."): v for k, v in state.items() if k.startswith("adam.")})
        self._call_count = int(state["calls"])

    def _read(self, observations: Mapping[str, Tensor], rng: np.random.Generator) -> Arrays:
        """Returns the classifier's inputs, of leading shape (U * B); images are cropped anew, kept maps stay."""
        if self._preprocessor is None:
            vector = torch.cat([observations[name] for name in self._vectors], dim=-1)
            return {_VECTOR: vector.flatten(0, 1)}
        cameras = {name: observations[name].flatten(0, 1) for name in self._preprocessor.cameras}
        return self._preprocessor(cameras, _generator(rng))

    def _update(self, own: Arrays, rng: np.random.Generator) -> None:
        """Takes one step of gradient descent on as many goals as frames of the policy."""
        if self._goals is None:
            raise ValueError("vice has no goals; call set_goals first")
        config, count = self.config, len(next(iter(own.values())))
        half = min(config.batch_size // 2, count)
        goals = _inputs(self._goals.draw(rng.integers(len(self._goals), size=half), _generator(rng)))
        drawn = torch.from_numpy(rng.permutation(count)[:half]).to(self._device)
        frames = {name: torch.cat([goals[name].float(), array[drawn].float()]) for name, array in own.items()}
        labels = smoothed((torch.arange(2 * half, device=self._device) < half).float(), config.label_smoothing)
        partners = torch.from_numpy(rng.permutation(2 * half)).to(self._device)
        share = float(rng.beta(config.mixup, config.mixup)) if config.mixup else 1.0
        blend = torch.from_numpy(rng.random(half, np.float32)).to(self._device)
        torch.manual_seed(int(rng.integers(2**62)))  # Dropout has no generator of its own.
        self.network.train()
        loss, gradients = event_gradients(self.network, frames, labels, partners, share, blend, config.gradient_penalty)
        self.network.eval()
        self.adam.step(gradients)
        self._loss = loss


def event_gradients(
    network: nn.Module,
    frames: Arrays,
    labels: Tensor,
    partners: Tensor,
    share: float,
    blend: Tensor,
    penalty_weight: float,
) -> tuple[Tensor, list[Tensor]]:
    """Computes the loss of a classifier of events and its gradients.

    Args:
        network: From inputs to logits.
        frames: Inputs, the goals first. Shape (B, ...).
        labels: Smoothed. Shape (B,).
        partners: With which sample each is mixed. Shape (B,).
        share: How much of each sample stays, in [0, 1].
        blend: Where the slope is measured, between a mixed frame of the first half and one of the second. Shape (B/2,).
        penalty_weight: Weight of the gradient penalty; 0 for none.

    Returns:
        The loss, and one gradient for each parameter, in order.
    """
    together = {name: mixed(array, partners, share) for name, array in frames.items()}
    loss = event_loss(network(together), labels, partners, share)
    if penalty_weight:
        half, between = len(blend), {}
        for name, array in together.items():
            weight = blend.view(-1, *[1] * (array.dim() - 1))
            between[name] = (weight * array[:half] + (1 - weight) * array[half:]).requires_grad_()
        slopes = torch.autograd.grad(network(between).sum(), list(between.values()), create_graph=True)
        loss = loss + penalty_weight * gradient_penalty(slopes)
    return loss.detach(), list(torch.autograd.grad(loss, list(network.parameters())))


def _inputs(observations: Observations) -> Arrays:
    return {_VECTOR: observations} if isinstance(observations, Tensor) else observations[1]


def _generator(rng: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**62)))
