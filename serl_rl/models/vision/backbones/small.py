"""SERL's small encoder: four convolutions, for training end to end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.backbones.normalization import unit_scaling
from serl_rl.models.vision.encoder_config import Initialization
from serl_rl.models.vision.initialization import initialize_convolutions

_CHANNELS = (32, 64, 128, 256)


class SmallEncoder(Backbone):
    """Computes four 3 x 3 convolutions of stride 2 without padding, each with ReLU; images in [0, 1].

    128 x 128 images become 7 x 7 maps of 256 channels.
    """

    def __init__(self, generator: torch.Generator, *, initialization: Initialization = "he") -> None:
        super().__init__(unit_scaling())
        sizes = zip((3, *_CHANNELS), _CHANNELS, strict=False)
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, outputs, 3, 2) for inputs, outputs in sizes)
        initialize_convolutions(self, initialization, generator)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - torch's stubs lack it.

    def maps(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Computes feature maps of scaled images. Shape (B, 3, H, W) to (B, 256, h, w)."""
        del condition
        for convolution in self.convolutions:
            x = torch.relu(convolution(x))
        return x
