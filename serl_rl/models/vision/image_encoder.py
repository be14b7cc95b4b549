"""The image encoder: backbones, shared by the cameras or one each, and a head for each camera."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from serl_rl.models.mlp import Arithmetic
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.encoder_config import HeadConfig
from serl_rl.models.vision.head import CameraHeads, require_cameras


class ImageEncoder(nn.Module):
    """Encodes {camera: images} into one vector.

    The backbone can be skipped: `forward_features` takes its maps, which for a frozen backbone need computing once.

    Args:
        backbones: Backbone of each camera, in the order of the output; cameras may share one.
        image_sizes: Height and width of each camera's images, px.
        head: Settings of the heads.
        generator: Source of the heads' initial weights.
        arithmetic: How the heads' products compute.
    """

    def __init__(
        self,
        backbones: Mapping[str, Backbone],
        image_sizes: Mapping[str, tuple[int, int]],
        head: HeadConfig,
        generator: torch.Generator,
        arithmetic: Arithmetic | None = None,
    ) -> None:
        super().__init__()
        self.cameras = tuple(backbones)
        self.image_sizes = {camera: tuple(image_sizes[camera]) for camera in self.cameras}
        unique = list(dict.fromkeys(backbones.values()))
        self.backbones = nn.ModuleList(unique)
        self._backbone_of = {camera: unique.index(backbone) for camera, backbone in backbones.items()}
        shapes = {camera: backbone.feature_shape(*self.image_sizes[camera]) for camera, backbone in backbones.items()}
        self.heads = CameraHeads(shapes, head, arithmetic or Arithmetic(), generator)
        self.output_size = self.heads.output_size
        """Components of the output: those of the first camera, then those of the second, ..."""

    @property
    def is_frozen(self) -> bool:
        """Returns whether all backbones are frozen, so that the maps of an image never change."""
        return all(self.backbone(camera).is_frozen for camera in self.cameras)

    def backbone(self, camera: str) -> Backbone:
        """Returns the backbone of a camera."""
        backbone = self.backbones[self._backbone_of[camera]]
        assert isinstance(backbone, Backbone)
        return backbone

    def forward(self, images: Mapping[str, Tensor], condition: Tensor | None = None) -> Tensor:
        """Encodes images.

        Args:
            images: By camera, uint8 of shape (B, H, W, 3), RGB. Others than this encoder's cameras are ignored.
            condition: Shape (B, condition_size); for conditioned backbones alone.

        Returns:
            float32 of shape (B, output_size).

        Raises:
            ValueError: A camera is missing or its images have another type or size.
        """
        return self.forward_features(self.features(images, condition))

    def features(self, images: Mapping[str, Tensor], condition: Tensor | None = None) -> dict[str, Tensor]:
        """Computes the feature maps alone; images of one size that share a backbone go through it together.

        Args:
            images: As for `forward`.
            condition: As for `forward`.

        Returns:
            By camera, shape (B, C, h, w), in the type of the backbone's weights.

        Raises:
            ValueError: As for `forward`.
        """
        require_cameras(self.cameras, images)
        self._check_sizes(images)
        maps: dict[str, Tensor] = {}
        for cameras in self._groups():
            joined = images[cameras[0]] if len(cameras) == 1 else torch.cat([images[camera] for camera in cameras])
            joined_condition = None if condition is None else condition.repeat(len(cameras), 1)
            parts = self.backbone(cameras[0])(joined, joined_condition).split(
                [len(images[camera]) for camera in cameras]
            )
            maps |= dict(zip(cameras, parts, strict=True))
        return {camera: maps[camera] for camera in self.cameras}

    def forward_features(self, maps: Mapping[str, Tensor]) -> Tensor:
        """Encodes from feature maps, such as `features` returned them earlier.

        Args:
            maps: By camera, shape (B, C, h, w) of any floating type.

        Returns:
            float32 of shape (B, output_size).

        Raises:
            ValueError: A camera is missing or its maps have another shape.
        """
        return self.heads(maps)

    def _groups(self) -> list[list[str]]:
        groups: dict[tuple[int, tuple[int, ...]], list[str]] = {}
        for camera in self.cameras:
            groups.setdefault((self._backbone_of[camera], self.image_sizes[camera]), []).append(camera)
        return list(groups.values())

    def _check_sizes(self, images: Mapping[str, Tensor]) -> None:
        for camera, (height, width) in self.image_sizes.items():
            shape = tuple(images[camera].shape[1:])
            if shape != (height, width, 3):
                raise ValueError(
                    f"images of camera {camera!r} have shape {shape}; this encoder needs ({height}, {width}, 3): "
                    "height, width, RGB"
                )
