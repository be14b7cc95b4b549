"""Turns the feature maps of cameras into tokens: projected, side by side along their width, with codes of places."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from serl_rl.algorithms.act.config import ActConfig
from serl_rl.algorithms.act.positions import LearnedMapPositions, sinusoids_of_maps
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.protocol.spec import SpecError


class CameraTokens(nn.Module):
    """Makes one token of each place of each camera's map.

    Args:
        config: Size of a token, and kind of codes.
        shapes: Channels, height and width of each camera's maps.
        backbones: What makes the maps of images, by camera; None where maps are given.

    Raises:
        SpecError: The maps differ in height, so that they cannot stand side by side.
    """

    def __init__(
        self,
        config: ActConfig,
        shapes: Mapping[str, tuple[int, int, int]],
        backbones: Mapping[str, Backbone] | None,
    ) -> None:
        super().__init__()
        heights = {camera: height for camera, (_, height, _) in shapes.items()}
        if len(set(heights.values())) > 1:
            found = ", ".join(f"{camera} {height}" for camera, height in heights.items())
            raise SpecError(f"the maps of the cameras have the heights {found}; images must be of one height")
        self.cameras = tuple(shapes)
        height, width = next(iter(heights.values())), sum(shape[2] for shape in shapes.values())
        self.token_count = height * width
        """Tokens of an observation."""
        size = config.hidden_size
        # One projection where channels agree, as the original has; backbones of one kind do.
        channels = {camera: shape[0] for camera, shape in shapes.items()}
        self.projections = nn.ModuleDict({str(count): nn.Conv2d(count, size, 1) for count in set(channels.values())})
        self._channels = {camera: str(count) for camera, count in channels.items()}
        self.backbones = None if backbones is None else nn.ModuleDict(_distinct(backbones))
        self._backbone_of = {} if backbones is None else _names(backbones)
        self.positions = LearnedMapPositions(height, width, size) if config.positions == "learned" else None
        fixed = sinusoids_of_maps(height, width, size) if self.positions is None else None
        self.register_buffer("places", fixed, persistent=False)

    def forward(self, seen: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Reads the cameras.

        Args:
            seen: By camera, maps of shape (B, C, h, w), or uint8 images of shape (B, H, W, 3) for backbones.

        Returns:
            Tokens without codes, and codes. Shapes (B, N, hidden_size) and (N, hidden_size).
        """
        joined = torch.cat([self._projected(camera, seen[camera]) for camera in self.cameras], 3)
        places = self.places if self.positions is None else self.positions()
        assert isinstance(places, Tensor)
        return joined.flatten(2).transpose(1, 2), places

    def _projected(self, camera: str, seen: Tensor) -> Tensor:
        projection = self.projections[self._channels[camera]]
        if self.backbones is not None:
            seen = self.backbones[self._backbone_of[camera]](seen)
        return projection(seen.float())


def _distinct(backbones: Mapping[str, Backbone]) -> dict[str, Backbone]:
    """Returns each backbone once, under the number of its first camera; cameras may have names that modules lack."""
    return {name: backbones[camera] for camera, name in _names(backbones).items()}


def _names(backbones: Mapping[str, Backbone]) -> dict[str, str]:
    first: dict[int, str] = {}
    return {
        camera: first.setdefault(id(backbone), str(index)) for index, (camera, backbone) in enumerate(backbones.items())
    }
