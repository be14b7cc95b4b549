"""Loads and saves the weights of a backbone; every file that does not fit is refused with one sentence."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from serl_rl.artifacts.tensor_file import write_tensors
from serl_rl.models.vision.weights.array_pickle import read_array_pickle
from serl_rl.models.vision.weights.errors import WeightsError
from serl_rl.models.vision.weights.names import from_flax, from_torch

if TYPE_CHECKING:
    from serl_rl.models.vision.backbones.backbone import Backbone
    from serl_rl.models.vision.head import CameraHeads

_PICKLES = (".pkl", ".pickle")
_TORCH_FILES = (".pth", ".pt", ".bin")
_SAFETENSORS = ".safetensors"
_HEADS = "heads."
_NEUTRAL = ("films.",)
"""Parts that a file may lack, because their first weights change nothing."""


def read_arrays(path: Path, own_names: set[str]) -> dict[str, Tensor]:
    """Reads a weight file by its ending.

    Args:
        path: `.pkl` in SERL's layout, `.safetensors`, or `.pth`, `.pt` and `.bin` as torchvision publishes them.
        own_names: Names that the backbone has.

    Returns:
        Tensors by this project's names and in torch's layout.

    Raises:
        WeightsError: The file is missing, damaged, unsafe or of an unknown kind.
    """
    kind = path.suffix.lower()
    try:
        if kind in _PICKLES:
            return from_flax(read_array_pickle(path))
        if kind == _SAFETENSORS:
            return from_torch(load_file(path), own_names)
        if kind in _TORCH_FILES:
            return from_torch(_read_torch_file(path), own_names)
    except FileNotFoundError:
        raise WeightsError(f"there is no weight file {path}; give another, or none for random weights") from None
    except OSError as error:
        raise WeightsError(f"cannot read the weight file {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise WeightsError(f"{path} is no safetensors file, or is damaged ({error})") from error
    endings = ", ".join((*_PICKLES, _SAFETENSORS, *_TORCH_FILES))
    raise WeightsError(f"the weight file {path} ends in {kind or 'nothing'}; files that can be read end in {endings}")


def load_weights(backbone: Backbone, path: Path) -> None:
    """Replaces all weights of a backbone by those of a file; when it raises, none was changed. Heads are left out.

    Raises:
        WeightsError: The file cannot be read or holds another network.
    """
    own = backbone.state_dict()
    arrays = {name: array for name, array in read_arrays(path, set(own)).items() if not name.startswith(_HEADS)}
    _check(own, arrays, path)
    with torch.no_grad():
        for name, tensor in arrays.items():
            own[name].copy_(tensor)


def load_heads(heads: CameraHeads, path: Path) -> tuple[str, ...]:
    """Starts heads from those that were pretrained with a backbone.

    Args:
        heads: The heads of an agent.
        path: The backbone's weight file.

    Returns:
        Cameras whose heads were found; none if the file holds a backbone alone, or heads of other settings.

    Raises:
        WeightsError: The file cannot be read, or an array in it is damaged.
    """
    if path.suffix.lower() != _SAFETENSORS:
        return ()
    arrays = read_arrays(path, set())
    found = []
    for camera in heads.cameras:
        own, prefix = heads.head(camera).state_dict(), f"{_HEADS}{camera}."
        given = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        if {name: array.shape for name, array in given.items()} != {name: array.shape for name, array in own.items()}:
            continue
        _check(own, given, path)
        heads.head(camera).load_state_dict(given)
        found.append(camera)
    return tuple(found)


def save_weights(
    backbone: Backbone, path: Path, metadata: Mapping[str, str] | None = None, heads: CameraHeads | None = None
) -> None:
    """Writes the weights of a backbone as safetensors, whole or not at all.

    Args:
        backbone: The network.
        path: File to write, ending in `.safetensors`; one that is there already is replaced.
        metadata: Whatever else is worth knowing of them.
        heads: Heads that were trained with it; `load_heads` reads them.

    Raises:
        WeightsError: The file has another ending or cannot be written.
    """
    if path.suffix.lower() != _SAFETENSORS:
        raise WeightsError(f"weights are written as {_SAFETENSORS}, not as {path.name}")
    temporary = path.with_name(f".{path.name}.partial")
    state = dict(backbone.state_dict())
    for camera in heads.cameras if heads is not None else ():
        assert heads is not None
        state |= {f"{_HEADS}{camera}.{name}": array for name, array in heads.head(camera).state_dict().items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(tensors, temporary, metadata or {})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror or error}") from error


def _read_torch_file(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is no torch file of plain tensors, or is damaged ({reason})") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path} holds no dict of tensors; save a network's state_dict alone")
    return content


def _check(own: Mapping[str, Tensor], arrays: Mapping[str, Tensor], path: Path) -> None:
    missing = [name for name in own if name not in arrays and not name.startswith(_NEUTRAL)]
    unknown = sorted(set(arrays) - set(own))
    if missing:
        found = f"it has {', '.join(sorted(arrays)[:3])}, ..." if arrays else "it has nothing that is known"
        raise WeightsError(f"{path} holds another network: the array {missing[0]!r} is missing; {found}")
    if unknown:
        raise WeightsError(f"{path} holds another network: it has {unknown[0]!r}, which this one lacks")
    for name, tensor in arrays.items():
        if tensor.shape != own[name].shape:
            raise WeightsError(
                f"{path} holds another network: {name!r} has shape {tuple(tensor.shape)}, not {tuple(own[name].shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError(f"{path} is damaged: {name!r} holds a value that is NaN or infinite")
