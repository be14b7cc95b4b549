"""Computes feature maps with frozen backbones, in pieces of one size and the device's fastest type."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from serl_rl.models.compilation import compiled, has_bfloat16_products
from serl_rl.models.vision.augmentation import shifted
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbones
from serl_rl.models.vision.feature_memo import FeatureMemo
from serl_rl.models.vision.head import FeatureShape

_PIECE_CPU = 8  # What fits the cache of a core; 64 at once are a fifth slower.
_PIECE_GPU = 512


class FrozenVision:
    """Holds the frozen backbones of an agent. They never learn, so they belong to no checkpoint and no policy.

    Args:
        config: Which backbone.
        image_sizes: Height and width of each camera's images, px.
        device: Where to compute.

    Raises:
        ValueError: An image is too small, or there is no such backbone.
        WeightsError: The weight file cannot be used.
    """

    def __init__(
        self,
        config: BackboneConfig,
        image_sizes: Mapping[str, tuple[int, int]],
        device: torch.device,
    ) -> None:
        self.device = device
        self.image_sizes = dict(image_sizes)
        backbones = make_backbones(config, image_sizes)
        self.feature_shapes: dict[str, FeatureShape] = {
            camera: backbones[camera].feature_shape(*size) for camera, size in image_sizes.items()
        }
        """Channels, height and width of the maps of each camera."""
        self.fingerprint = fingerprint(backbones)
        """Text that two backbones share only if they compute the same."""
        self.dtype = torch.bfloat16 if has_bfloat16_products(device) else torch.float32
        self._backbones: dict[str, nn.Module] = {
            camera: backbone.to(device=device, dtype=self.dtype) for camera, backbone in backbones.items()
        }
        shared = next(iter(backbones.values()))
        is_one = all(backbone is shared for backbone in backbones.values())
        self.memo = FeatureMemo(shared) if is_one else None
        """Maps of the newest single images, for all who look through this backbone; None where each camera has its own.
        """
        on_gpu = device.type == "cuda"
        self._piece = _PIECE_GPU if on_gpu else _PIECE_CPU
        # On a processor compiling takes a minute and gains nothing; on a GPU it joins crop, scaling and convolutions.
        self._maps = compiled(_maps) if on_gpu else _maps

    def maps(self, images: Mapping[str, Tensor], shifts: Tensor | None = None) -> dict[str, Tensor]:
        """Computes feature maps, without gradient.

        Args:
            images: By camera, uint8 of shape (N, H, W, 3), RGB.
            shifts: Of each sample's crop in all cameras, int64 of shape (N, 2), px; None for no shift.

        Returns:
            By camera, shape (N, C, h, w), channels last in memory, of type `dtype`.
        """
        count = len(next(iter(images.values())))
        shifts = torch.zeros(count, 2, dtype=torch.int64) if shifts is None else shifts
        return {
            camera: self._in_pieces(self._backbones[camera], images[camera].to(self.device), shifts.to(self.device))
            for camera in self.image_sizes
        }

    def stacked_maps(self, images: Mapping[str, Tensor], shifts: Tensor | None = None) -> dict[str, Tensor]:
        """Computes feature maps of stacks of frames; all frames of a stack are shifted alike.

        Args:
            images: By camera, uint8 of shape (N, F, H, W, 3), RGB.
            shifts: As for `maps`.

        Returns:
            By camera, shape (N, F * C, h, w), the oldest frame's channels first.
        """
        stack = next(iter(images.values())).shape[1]
        single = {camera: frames.flatten(0, 1) for camera, frames in images.items()}
        every = None if shifts is None else shifts.repeat_interleave(stack, 0)
        maps = self.maps(single, every)
        return {camera: join_stack(value.unflatten(0, (-1, stack))) for camera, value in maps.items()}

    def crop_maps(self, images: Mapping[str, np.ndarray], shifts: np.ndarray) -> dict[str, np.ndarray]:
        """Computes feature maps of several crops of each image, to be kept.

        Args:
            images: By camera, uint8 of shape (N, H, W, 3).
            shifts: int64 of shape (N, K, 2), px.

        Returns:
            By camera, the bits of bfloat16 numbers as uint16 of shape (N, K, h, w, C): channels last.
        """
        count, crops = shifts.shape[:2]
        repeated = {camera: torch.from_numpy(array).repeat_interleave(crops, 0) for camera, array in images.items()}
        maps = self.maps(repeated, torch.from_numpy(shifts.reshape(-1, 2)))
        last = {camera: value.to(torch.bfloat16).permute(0, 2, 3, 1).contiguous() for camera, value in maps.items()}
        return {
            camera: value.view(torch.uint16).cpu().numpy().reshape(count, crops, *value.shape[1:])
            for camera, value in last.items()
        }

    def _in_pieces(self, backbone: nn.Module, images: Tensor, shifts: Tensor) -> Tensor:
        pieces = []
        for start in range(0, len(images), self._piece):
            part, moves = images[start : start + self._piece], shifts[start : start + self._piece]
            missing = self._piece - len(part) if self.device.type == "cuda" else 0
            if missing:  # One size for the compiler.
                part = torch.cat([part, part.new_zeros(missing, *part.shape[1:])])
                moves = torch.cat([moves, moves.new_zeros(missing, 2)])
            pieces.append(self._maps(backbone, part, moves)[: self._piece - missing])
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def join_stack(maps: Tensor) -> Tensor:
    """Joins the channels of stacked maps, the oldest frame's first. Shape (N, F, C, h, w) to (N, F * C, h, w)."""
    return maps.permute(0, 3, 4, 1, 2).flatten(3).permute(0, 3, 1, 2)


def fingerprint(backbones: Mapping[str, Backbone]) -> str:
    """Computes a digest of the weights of all cameras' backbones."""
    digest = hashlib.sha256()
    for camera, backbone in backbones.items():
        digest.update(camera.encode())
        for name, value in backbone.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _maps(backbone: nn.Module, images: Tensor, shifts: Tensor) -> Tensor:
    with torch.no_grad():
        return backbone(shifted(images, shifts)).contiguous(memory_format=torch.channels_last)
