"""Backbones from torchvision: MobileNet v3 (small) and ResNet-18, -34 and -50."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from serl_rl.errors import UsageError
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.backbones.normalization import imagenet_scaling
from serl_rl.models.vision.encoder_config import Initialization
from serl_rl.models.vision.initialization import initialize_convolutions

TorchvisionName: TypeAlias = Literal["mobilenet", "resnet18", "resnet34", "resnet50"]

_RESNET_PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
_MOBILENET_EPSILON = 1e-3
_CHANNELS_A_GROUP = 8


class TorchvisionBackbone(Backbone):
    """Computes the convolutions of a network of torchvision, with that network's own padding.

    128 x 128 images become 4 x 4 maps of 512 channels (resnet18, resnet34), 2048 (resnet50) or 576 (mobilenet).

    Batch statistics of a replay are no batch statistics of ImageNet, so batch normalisation keeps the numbers of a
    weight file ("fixed-batch"); without a file it is group normalisation ("group").

    Args:
        name: Which network.
        generator: Source of the initial weights.
        normalization: What normalises.
        initialization: How convolutions start.
        is_dilated: Whether the last stage of resnet50 dilates instead of halving its maps.

    Raises:
        UsageError: torchvision is not installed.
    """

    def __init__(
        self,
        name: TorchvisionName,
        generator: torch.Generator,
        *,
        normalization: Literal["group", "fixed-batch"] = "group",
        initialization: Initialization = "he",
        is_dilated: bool = False,
    ) -> None:
        super().__init__(imagenet_scaling())
        models = _torchvision_models()
        layer = _normalization_layer(name, normalization)
        if name == "mobilenet":
            network = models.mobilenet_v3_small(weights=None, norm_layer=layer)
            self.network = nn.Sequential(OrderedDict(features=network.features))
        else:
            dilation = {"replace_stride_with_dilation": [False, False, True]} if is_dilated else {}
            network = getattr(models, name)(weights=None, norm_layer=layer, **dilation)
            self.network = nn.Sequential(OrderedDict((part, getattr(network, part)) for part in _RESNET_PARTS))
        initialize_convolutions(self, initialization, generator)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - torch's stubs lack it.

    def maps(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Computes feature maps of scaled images. Shape (B, 3, H, W) to (B, C, ceil(H / 32), ceil(W / 32))."""
        del condition
        return self.network(x)


def _torchvision_models() -> Any:  # noqa: ANN401 - a module.
    try:
        from torchvision import models
    except ImportError as error:
        raise UsageError(
            f"this backbone needs torchvision, in the build that fits torch: pip install 'serl-robot[vision]' ({error})"
        ) from error
    return models


def _normalization_layer(name: TorchvisionName, normalization: str) -> Callable[[int], nn.Module]:
    if normalization == "group":
        return _group_norm
    from torchvision.ops import FrozenBatchNorm2d

    return partial(FrozenBatchNorm2d, eps=_MOBILENET_EPSILON) if name == "mobilenet" else FrozenBatchNorm2d


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(channels // _CHANNELS_A_GROUP, 1), channels)
