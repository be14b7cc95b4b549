"""Stacks camera frames and flattens state for single-step inference."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from serl_rl.models.perception import VisualInput
from serl_rl.models.vision.frozen_backbone import join_stack
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec


class FrameStacker:
    """Stacks the newest frames of each camera, and memoizes their feature maps."""

    def __init__(self, spec: EnvironmentSpec, preprocessor: ImagePreprocessor) -> None:
        self._vectors = tuple(array.name for array in spec.vectors)
        self._preprocessor = preprocessor
        self._frames: dict[str, deque[Tensor]] = {}

    def begin_episode(self) -> None:
        """Clears the frames of the last episode."""
        self._frames.clear()

    def __call__(self, observation: Mapping[str, np.ndarray]) -> VisualInput:
        """Reads the next observation of the episode.

        Args:
            observation: By name; of each camera the newest image.

        Returns:
            A batch of one, on the device, without random crops.
        """
        preprocessor = self._preprocessor
        vectors = [np.asarray(observation[name], np.float32) for name in self._vectors]
        vector = torch.from_numpy(np.concatenate(vectors) if vectors else np.empty(0, np.float32))
        if preprocessor.frozen is not None and preprocessor.frozen.memo is not None:
            memo = preprocessor.frozen.memo
            maps = {camera: memo.maps(observation[camera]) for camera in preprocessor.cameras}
            seen = {camera: join_stack(frames) for camera, frames in self._stacked(maps).items()}
        else:
            images = {camera: torch.from_numpy(np.array(observation[camera]))[None] for camera in preprocessor.cameras}
            seen = preprocessor(self._stacked(images) if preprocessor.config.frame_stack > 1 else images)
        return vector[None].to(preprocessor.device), {
            name: array.to(preprocessor.device) for name, array in seen.items()
        }

    def _stacked(self, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Stacks each camera's newest frames, oldest first; the first of an episode stands in for those before it."""
        for camera, image in images.items():
            count = self._preprocessor.config.frame_stack
            frames = self._frames.setdefault(camera, deque([image] * count, maxlen=count))
            frames.append(image)
        return {camera: torch.stack(list(self._frames[camera]), dim=1) for camera in images}
