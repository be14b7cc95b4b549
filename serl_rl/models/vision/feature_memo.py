"""Memoizes feature maps, so that policy and classifiers that share a frozen backbone run it once."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor

from serl_rl.models.vision.backbones.backbone import Backbone


class FeatureMemo:
    """Computes maps of single images, at most once for equal images that come shortly after one another.

    Args:
        backbone: A frozen backbone.
        kept: How many images are remembered; as many as one observation has, or more.

    Raises:
        ValueError: The backbone is not frozen.
    """

    def __init__(self, backbone: Backbone, kept: int = 8) -> None:
        if not backbone.is_frozen:
            raise ValueError("the backbone is not frozen, so the maps of an image may change; freeze it to share it")
        self.backbone = backbone
        self._seen: deque[tuple[np.ndarray, Tensor]] = deque(maxlen=kept)

    def fits(self, backbone: Backbone) -> bool:
        """Returns whether a backbone computes the same maps: this one, or a frozen one whose weights round to its."""
        if backbone is self.backbone:
            return True
        own, other = self.backbone.state_dict(), backbone.state_dict()
        if not backbone.is_frozen or type(backbone) is not type(self.backbone) or own.keys() != other.keys():
            return False
        return all(torch.equal(value, other[name].to(value)) for name, value in own.items())

    @torch.no_grad()
    def maps(self, image: np.ndarray) -> Tensor:
        """Returns the maps of one image.

        Args:
            image: uint8 of shape (H, W, 3), RGB.

        Returns:
            Shape (1, C, h, w), on the backbone's device. Not to be changed.

        Raises:
            ValueError: The image has another type or shape.
        """
        for seen, maps in self._seen:
            if seen.shape == image.shape and seen.dtype == image.dtype and np.array_equal(seen, image):
                return maps
        device = next(self.backbone.parameters()).device
        own = np.array(image)
        maps = self.backbone(torch.from_numpy(own).to(device)[None])
        self._seen.appendleft((own, maps))
        return maps
