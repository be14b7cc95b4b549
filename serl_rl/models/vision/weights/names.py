"""Names and layouts of foreign weight files, translated to this project's."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

_FLAX_PARTS = {
    "conv_init": "stem",
    "norm_init": "stem_norm",
    "Conv_0": "conv1",
    "Conv_1": "conv2",
    "MyGroupNorm_0": "norm1",
    "MyGroupNorm_1": "norm2",
    "conv_proj": "projection",
    "norm_proj": "projection_norm",
}
_FLAX_LEAVES = {"kernel": "weight", "scale": "weight", "bias": "bias"}
_FLAX_BLOCK = re.compile(r"ResNetBlock_(\d+)")
_CLASSIFICATION_HEADS = ("output_head", "fc.", "classifier.")
_PORT_RULES = (
    (re.compile(r"^(?:resnet\.)?embedder\.0\."), "stem."),
    (re.compile(r"^(?:resnet\.)?embedder\.1\."), "stem_norm."),
    (re.compile(r"^(?:resnet\.)?encoder\.(?:stages\.)?(\d+)\.shortcut\.0\."), r"blocks.\1.projection."),
    (re.compile(r"^(?:resnet\.)?encoder\.(?:stages\.)?(\d+)\.shortcut\.1\."), r"blocks.\1.projection_norm."),
    (re.compile(r"^(?:resnet\.)?encoder\.(?:stages\.)?(\d+)\."), r"blocks.\1."),
)


def from_flax(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Translates SERL's names, and kernels from (height, width, in, out) to (out, in, height, width).

    What is no part of a backbone, such as the classification head, is left out.

    Args:
        arrays: By path, such as "ResNetBlock_0/Conv_0/kernel".

    Returns:
        Tensors by this project's names, such as "blocks.0.conv1.weight".
    """
    found: dict[str, Tensor] = {}
    for path, array in arrays.items():
        name = _from_flax_name(path)
        if name is not None:
            kernel = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
            found[name] = torch.from_numpy(np.array(kernel, np.float32, order="C"))
    return found


def _from_flax_name(path: str) -> str | None:
    *parents, leaf = [part for part in path.split("/") if part not in ("params", "pretrained_encoder")]
    if leaf not in _FLAX_LEAVES or not parents:
        return None
    translated = []
    for part in parents:
        block = _FLAX_BLOCK.fullmatch(part)
        name = f"blocks.{block[1]}" if block else _FLAX_PARTS.get(part)
        if name is None:
            return None
        translated.append(name)
    return ".".join([*translated, _FLAX_LEAVES[leaf]])


def from_torch(tensors: Mapping[str, Tensor], own_names: set[str]) -> dict[str, Tensor]:
    """Translates the names of a torch network: this project's, a port of ResNet-10 to transformers, or torchvision's.

    Args:
        tensors: By the file's names.
        own_names: Names that the backbone has.

    Returns:
        Tensors by this project's names; classification heads and counters are left out.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith(_CLASSIFICATION_HEADS) or name.endswith("num_batches_tracked"):
            continue
        found[_from_torch_name(name, own_names)] = tensor
    return found


def _from_torch_name(name: str, own_names: set[str]) -> str:
    if name in own_names:
        return name
    if f"network.{name}" in own_names:
        return f"network.{name}"
    for pattern, replacement in _PORT_RULES:
        renamed, count = pattern.subn(replacement, name)
        if count:
            return renamed.replace(".conv.", ".")
    return name
