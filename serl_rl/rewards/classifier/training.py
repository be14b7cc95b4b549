"""Trains a reward classifier: balanced batches, random shifts, the best of many validations, calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from serl_rl.models.device import find_device
from serl_rl.models.divergence import require_finite
from serl_rl.models.vision.augmentation import draw_shifts, shifted
from serl_rl.rewards.classifier.calibration import cross_entropy, fit_temperature, softmax
from serl_rl.rewards.classifier.config import ClassifierConfig, ClassifierTrainingConfig
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.examples import Examples, split_by_episode
from serl_rl.rewards.classifier.network import SUCCESS, ClassifierSpec, RewardClassifier

_CHUNK = 64
_DEVICE_OPTION = "--training.device"


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """Reports the progress of training."""

    steps: int
    """Gradient steps done."""
    loss: float
    """Cross entropy of the last batch, in nat."""
    validation_loss: float
    """Cross entropy of the validation frames, the classes weighed alike, in nat."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedClassifier:
    """Holds the results of training."""

    classifier: RewardClassifier
    """The network with its best weights, calibrated, in evaluation mode on the CPU."""
    training: Examples
    """Frames that it learned from."""
    validation: Examples
    """Frames that it did not."""
    validation_logits: np.ndarray
    """Its scores of the latter before calibration. Shape (N, C)."""
    history: tuple[TrainingProgress, ...]
    """Every validation."""


def train_classifier(
    examples: Examples,
    config: ClassifierConfig,
    training: ClassifierTrainingConfig,
    *,
    success_class: str = SUCCESS,
    on_progress: Callable[[TrainingProgress], bool] | None = None,
) -> TrainedClassifier:
    """Trains on the frames of some episodes and validates on those of the others.

    Args:
        examples: Labelled frames.
        config: The network.
        training: How to train.
        success_class: Class that means success.
        on_progress: Called after each validation; what it returns says whether to go on.

    Returns:
        The classifier and what it was judged by.

    Raises:
        ClassifierError: A class is in fewer than two episodes, or the success class does not exist.
        WeightsError: The encoder's weight file cannot be used.
        UsageError: The device does not exist.
    """
    if training.threads:
        torch.set_num_threads(training.threads)
    if success_class not in examples.classes:
        known = ", ".join(examples.classes)
        raise ClassifierError(f"there is no class {success_class!r} to be success; there are {known}")
    own, held_out = split_by_episode(examples, training.validation_share, training.seed)
    sizes = {camera: (images.shape[1], images.shape[2]) for camera, images in examples.images.items()}
    spec = ClassifierSpec(classes=examples.classes, success_class=success_class, image_sizes=sizes)
    generator = torch.Generator().manual_seed(training.seed)
    classifier = RewardClassifier(spec, config, generator).to(find_device(training.device, _DEVICE_OPTION))
    with torch.random.fork_rng():
        torch.manual_seed(training.seed)  # Dropout has no generator of its own.
        history = _fit(classifier, own, held_out, training, generator, on_progress)
    classifier = classifier.cpu().eval()
    logits = _logits(classifier, held_out)
    classifier.temperature.fill_(fit_temperature(logits, held_out.labels))
    return TrainedClassifier(
        classifier=classifier, training=own, validation=held_out, validation_logits=logits, history=tuple(history)
    )


def _fit(
    classifier: RewardClassifier,
    own: Examples,
    held_out: Examples,
    training: ClassifierTrainingConfig,
    generator: torch.Generator,
    on_progress: Callable[[TrainingProgress], bool] | None,
) -> list[TrainingProgress]:
    batches = _Batches(classifier, own, training, generator)
    weights = [parameter for parameter in classifier.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(weights, training.learning_rate)
    validation_maps = _maps(classifier, held_out, None) if classifier.encoder.is_frozen else None
    history: list[TrainingProgress] = []
    best = [weight.detach().clone() for weight in weights]
    for step in range(1, training.steps + 1):
        classifier.train()
        labels, logits = batches.draw()
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % training.check_steps and step != training.steps:
            continue
        classifier.eval()
        scores = _logits(classifier, held_out, validation_maps)
        validation_loss = cross_entropy(softmax(scores), held_out.labels)
        require_finite("the validation loss", validation_loss, step, "give a smaller --training.learning-rate")
        if not history or validation_loss < min(progress.validation_loss for progress in history):
            best = [weight.detach().clone() for weight in weights]
        history.append(TrainingProgress(steps=step, loss=loss.item(), validation_loss=validation_loss))
        if on_progress is not None and not on_progress(history[-1]):
            break
    with torch.no_grad():
        for weight, value in zip(weights, best, strict=True):
            weight.copy_(value)
    return history


class _Batches:
    """Draws as many frames of each class, shifted; of a frozen backbone only the maps are kept."""

    def __init__(
        self,
        classifier: RewardClassifier,
        examples: Examples,
        training: ClassifierTrainingConfig,
        generator: torch.Generator,
    ) -> None:
        self._classifier = classifier
        self._examples = examples
        self._shift_px = training.shift_px
        self._generator = generator
        self._share = max(training.batch_size // len(examples.classes), 1)
        self._members = [
            torch.from_numpy(np.flatnonzero(examples.labels == index)) for index in range(len(examples.classes))
        ]
        self._cache: list[dict[str, Tensor]] = []
        if classifier.encoder.is_frozen:
            count = training.cached_shifts if training.shift_px else 1
            self._cache = [_maps(classifier, examples, self._shifts(len(examples))) for _ in range(count)]

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draws labels of shape (B,), and computes logits of shape (B, classes)."""
        chosen = [
            members[torch.randint(len(members), (self._share,), generator=self._generator)] for members in self._members
        ]
        device = self._classifier.temperature.device
        labels = torch.arange(len(chosen)).repeat_interleave(self._share).to(device)
        indices = torch.cat(chosen)
        if not self._cache:
            images = _images(self._examples, indices.numpy(), self._shifts(len(indices)))
            return labels, self._classifier({camera: value.to(device) for camera, value in images.items()})
        versions = torch.randint(len(self._cache), (len(indices),), generator=self._generator)
        maps = {
            camera: torch.stack([self._cache[v][camera][i] for v, i in zip(versions, indices, strict=True)]).to(device)
            for camera in self._cache[0]
        }
        return labels, self._classifier.forward_features(maps)

    def _shifts(self, count: int) -> Tensor | None:
        return draw_shifts(count, self._generator, self._shift_px) if self._shift_px else None


def _images(examples: Examples, indices: np.ndarray, shifts: Tensor | None) -> dict[str, Tensor]:
    images = {camera: torch.from_numpy(value[indices]) for camera, value in examples.images.items()}
    return images if shifts is None else {camera: shifted(value, shifts) for camera, value in images.items()}


@torch.no_grad()
def _maps(classifier: RewardClassifier, examples: Examples, shifts: Tensor | None) -> dict[str, Tensor]:
    """Computes feature maps of all frames, on the CPU in bfloat16: 16 KiB an image of ResNet-10."""
    device = classifier.temperature.device
    parts: list[dict[str, Tensor]] = []
    for start in range(0, len(examples), _CHUNK):
        indices = np.arange(start, min(start + _CHUNK, len(examples)))
        images = _images(examples, indices, None if shifts is None else shifts[start : start + _CHUNK])
        maps = classifier.encoder.features({camera: value.to(device) for camera, value in images.items()})
        parts.append({camera: value.to(torch.bfloat16).cpu() for camera, value in maps.items()})
    return {camera: torch.cat([part[camera] for part in parts]) for camera in examples.images}


@torch.no_grad()
def _logits(classifier: RewardClassifier, examples: Examples, maps: Mapping[str, Tensor] | None = None) -> np.ndarray:
    device = classifier.temperature.device
    parts = []
    for start in range(0, len(examples), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        if maps is None:
            images = _images(examples, np.arange(len(examples))[chunk], None)
            logits = classifier({camera: value.to(device) for camera, value in images.items()})
        else:
            logits = classifier.forward_features({camera: value[chunk].to(device) for camera, value in maps.items()})
        parts.append(logits.double().cpu())
    return torch.cat(parts).numpy()
