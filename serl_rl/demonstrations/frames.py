"""Samples frames: flat vectors as they are, images as feature maps of random crops where the backbone is frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from serl_client.episodes.files import Episode
from serl_rl.models.types import Observations
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec

_AT_ONCE = 64


def frames_of(episode: Episode, indices: np.ndarray, spec: EnvironmentSpec, frame_stack: int) -> dict[str, np.ndarray]:
    """Returns the observations of an episode as an agent reads them.

    Args:
        episode: The episode.
        indices: Which observations. Shape (N,).
        spec: Which arrays.
        frame_stack: Images of each camera that are seen at once; those before the first are the first once more.

    Returns:
        By name, shape (N, ...); stacked images are (N, F, H, W, 3), oldest first.
    """
    stacks = np.maximum(indices[:, None] + np.arange(1 - frame_stack, 1), 0)
    return {
        array.name: episode.observations[array.name][indices if array.is_vector or frame_stack == 1 else stacks]
        for array in spec.observation
    }


def joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Concatenates the frames of several episodes."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class FrameBank:
    """Samples frames by index.

    With a frozen backbone the maps of a few random crops (DrQ) of each image are computed once, in bfloat16 as beside
    the replay, and each draw takes one of them. With a backbone that is trained, images are cropped anew for each draw.

    Args:
        frames: Observations by name, as `frames_of` returns them.
        spec: Which arrays are flat vectors, in which order.
        preprocessor: What prepares images; None where there are none.
        crops: Random crops of each image; 0 for the image as it is.
        seed: Seed of the crops.
        device: Where the frames are used.
    """

    def __init__(
        self,
        frames: Mapping[str, np.ndarray],
        spec: EnvironmentSpec,
        preprocessor: ImagePreprocessor | None,
        *,
        crops: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._device = device
        self._preprocessor = preprocessor
        self._crops = crops
        self._generator = torch.Generator().manual_seed(seed)
        vectors = [frames[array.name] for array in spec.vectors]
        self._count = len(next(iter(frames.values())))
        vector = np.concatenate(vectors, axis=-1) if vectors else np.empty((self._count, 0))
        self._vectors = torch.from_numpy(vector.astype(np.float32)).to(device)
        self._images = (
            {} if preprocessor is None else {name: torch.from_numpy(frames[name]) for name in preprocessor.cameras}
        )
        self._maps: dict[str, Tensor] = {}
        if preprocessor is not None and preprocessor.frozen is not None:
            versions = [self._all_maps(preprocessor) for _ in range(max(crops, 1))]
            self._maps = {name: torch.stack([version[name] for version in versions]) for name in self._images}
            self._images = {}

    def __len__(self) -> int:
        """Returns the number of frames."""
        return self._count

    def draw(self, indices: np.ndarray, generator: torch.Generator | None = None) -> Observations:
        """Samples frames, each with a crop of its own.

        Args:
            indices: Which. Shape (N,).
            generator: Source of the crops, on the CPU; None goes on with the bank's own.
        """
        generator = generator or self._generator
        chosen = torch.from_numpy(indices)
        vector = self._vectors[chosen.to(self._device)]
        if self._preprocessor is None:
            return vector
        if not self._maps:
            images = {name: image[chosen] for name, image in self._images.items()}
            seen = self._preprocessor(images, generator if self._crops else None)
            return vector, {name: image.to(self._device) for name, image in seen.items()}
        versions = torch.randint(max(self._crops, 1), (len(chosen),), generator=generator)
        place = versions.to(self._device), chosen.to(self._device)
        return vector, {name: maps[place].permute(0, 3, 1, 2) for name, maps in self._maps.items()}

    def _all_maps(self, preprocessor: ImagePreprocessor) -> dict[str, Tensor]:
        """Computes the maps of one crop of every image, bfloat16 of shape (N, h, w, C)."""
        parts: dict[str, list[Tensor]] = {name: [] for name in self._images}
        for start in range(0, self._count, _AT_ONCE):
            images = {name: image[start : start + _AT_ONCE] for name, image in self._images.items()}
            for name, maps in preprocessor(images, self._generator if self._crops else None).items():
                parts[name].append(maps.to(torch.bfloat16).permute(0, 2, 3, 1))
        return {name: torch.cat(pieces).contiguous() for name, pieces in parts.items()}
