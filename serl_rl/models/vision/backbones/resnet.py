"""Residual networks with group normalisation, as SERL pretrains and freezes them; ResNet-10 above all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.backbones.normalization import imagenet_scaling
from serl_rl.models.vision.backbones.padding import SameConv, same_max_pool
from serl_rl.models.vision.encoder_config import Initialization
from serl_rl.models.vision.film import Film
from serl_rl.models.vision.initialization import initialize_convolutions

RESNET10_STAGES = (1, 1, 1, 1)
"""Blocks of each stage of ResNet-10."""
RESNET10_PARAMETERS = 4_905_792
"""Parameters of ResNet-10 without a classification head."""

_GROUPS = 4
_EPSILON = 1e-5
_FIRST_CHANNELS = 64


def _normalization(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(_GROUPS, channels, eps=_EPSILON)


class ResidualBlock(nn.Module):
    """Adds two 3 x 3 convolutions to a shortcut, which is a 1 x 1 convolution where the shape changes.

    He et al. 2016 (arXiv:1512.03385), figure 2, with group instead of batch normalisation (Wu and He 2018).

    Args:
        inputs: Input channels.
        outputs: Output channels.
        stride: Of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = SameConv(inputs, outputs, 3, stride)
        self.norm1 = _normalization(outputs)
        self.conv2 = SameConv(outputs, outputs, 3)
        self.norm2 = _normalization(outputs)
        changes = stride != 1 or inputs != outputs
        self.projection = SameConv(inputs, outputs, 1, stride) if changes else None
        self.projection_norm = _normalization(outputs) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Maps shape (B, inputs, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.projection is not None and self.projection_norm is not None:
            x = self.projection_norm(self.projection(x))
        return torch.relu(x + y)


class ResNet(Backbone):
    """Computes a stem, then stages that halve the maps and double the channels: 64, 128, 256, ...

    The defaults are SERL's ResNet-10: one block a stage, 4,905,792 parameters (more with a condition), by which
    128 x 128 images become 4 x 4 maps of 512 channels.

    Args:
        generator: Source of the initial weights.
        stages: Blocks of each stage.
        initialization: How convolutions start.
        condition_size: Components of a condition vector that modulates the maps after each block; None for none.
    """

    def __init__(
        self,
        generator: torch.Generator,
        *,
        stages: Sequence[int] = RESNET10_STAGES,
        initialization: Initialization = "he",
        condition_size: int | None = None,
    ) -> None:
        super().__init__(imagenet_scaling(), condition_size)
        self.stem = nn.Conv2d(3, _FIRST_CHANNELS, 7, 2, 3, bias=False)
        self.stem_norm = _normalization(_FIRST_CHANNELS)
        blocks, inputs = [], _FIRST_CHANNELS
        for stage, count in enumerate(stages):
            outputs = _FIRST_CHANNELS * 2**stage
            for block in range(count):
                blocks.append(ResidualBlock(inputs, outputs, stride=2 if stage > 0 and block == 0 else 1))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        channels = [_FIRST_CHANNELS * 2**stage for stage, count in enumerate(stages) for _ in range(count)]
        films = [] if condition_size is None else [Film(condition_size, size) for size in channels]
        self.films = nn.ModuleList(films)
        initialize_convolutions(self, initialization, generator)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - torch's stubs lack it.

    def conditioning_layers(self) -> Iterable[nn.Module]:
        """Returns the modulation after each block."""
        return self.films

    def maps(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Computes feature maps of scaled images. Shape (B, 3, H, W) to (B, 512, ceil(H / 32), ceil(W / 32))."""
        x = torch.relu(self.stem_norm(self.stem(x)))
        x = same_max_pool(x, 3, 2)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if condition is not None:
                x = self.films[index](x, condition)
        return x
