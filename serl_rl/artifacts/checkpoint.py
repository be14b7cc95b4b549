"""Writes checkpoints atomically as safetensors with a manifest; finds, checks and prunes them."""

from __future__ import annotations

import json
import shutil
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serl_rl.artifacts.tensor_file import write_tensors
from serl_rl.artifacts.whole_folder import whole_folder
from serl_rl.errors import CheckpointError, DivergedError

if TYPE_CHECKING:
    import torch

FORMAT = "serl-checkpoint"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
AGENT = "agent.safetensors"
POLICY = "policy.safetensors"
_TENSOR_MARK = "__tensor__"

Tensors = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True)
class Checkpoint:
    """Holds what a checkpoint saves. Tensors are copies that training no longer touches."""

    manifest: Mapping[str, Any]
    """Config, versions, counts, random states: everything that is JSON."""
    agent: Tensors
    """Everything that the agent needs to go on, by path."""
    policy: Tensors
    """The policy to deploy, by name."""


def flatten(state: Any) -> tuple[dict[str, torch.Tensor], Any]:  # noqa: ANN401
    """Splits a nested state into copies of its tensors and a JSON skeleton.

    Args:
        state: Dicts, lists, tuples, tensors, numbers, strings, None, nested.

    Returns:
        Copies of the tensors by path on the CPU, and the skeleton with a mark in the place of each tensor.
    """
    import torch

    tensors: dict[str, torch.Tensor] = {}

    def visit(value: Any, path: str) -> Any:  # noqa: ANN401
        if isinstance(value, torch.Tensor):
            tensors[path] = value.detach().to("cpu", copy=True).contiguous()
            return {_TENSOR_MARK: path}
        if isinstance(value, Mapping):
            entries = [[key, visit(item, f"{path}/{key}")] for key, item in value.items()]
            return {"__dict__": entries}
        if isinstance(value, (list, tuple)):
            kind = "__list__" if isinstance(value, list) else "__tuple__"
            return {kind: [visit(item, f"{path}/{index}") for index, item in enumerate(value)]}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"a checkpoint cannot hold a {type(value).__name__} at {path or '/'}")

    return tensors, visit(state, "")


def unflatten(tensors: Tensors, skeleton: Any) -> Any:  # noqa: ANN401
    """Puts a nested state together again; the inverse of `flatten`."""
    if not isinstance(skeleton, dict):
        return skeleton
    ((mark, content),) = skeleton.items()
    if mark == _TENSOR_MARK:
        return tensors[content]
    if mark == "__dict__":
        return {key: unflatten(tensors, item) for key, item in content}
    items = [unflatten(tensors, item) for item in content]
    return items if mark == "__list__" else tuple(items)


def require_numbers(tensors: Tensors, steps: int) -> None:
    """Refuses to save a state that training has ruined.

    Args:
        tensors: By path.
        steps: Gradient steps done.

    Raises:
        DivergedError: One holds a NaN.
    """
    for path, tensor in tensors.items():
        if bool(tensor.isnan().any()):
            raise DivergedError(
                f"training diverged: {path.strip('/')} holds a NaN after {steps} steps; lower the learning rate, and "
                "go on from the newest checkpoint with --resume"
            )


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Writes a checkpoint so that it is there whole or not at all.

    Raises:
        OSError: The disk is full or read-only; what was there before is untouched.
    """
    files = {}
    with whole_folder(path) as folder:
        for name, tensors in ((AGENT, checkpoint.agent), (POLICY, checkpoint.policy)):
            # A backbone that is trained lies channels last in memory, which the format does not know.
            write_tensors({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / name)
            files[name] = _fingerprint(folder / name)
        manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, **checkpoint.manifest, "files": files}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def read_manifest(path: Path) -> dict[str, Any]:
    """Reads and checks a checkpoint's manifest and the fingerprints of its files.

    Raises:
        CheckpointError: It is missing, corrupt or something else.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text())
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is not a checkpoint: it has no {MANIFEST}") from error
    except (ValueError, OSError) as error:
        raise CheckpointError(f"the checkpoint {path} is corrupt: its {MANIFEST} cannot be read ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CheckpointError(f"{path} is a foreign checkpoint: its {MANIFEST} does not say format {FORMAT!r}")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"the checkpoint {path} has format version {manifest.get('format_version')}; this program reads "
            f"{FORMAT_VERSION}"
        )
    files = manifest.get("files", {})
    if not isinstance(files, dict):
        raise CheckpointError(f"the checkpoint {path} is corrupt: its {MANIFEST} names no files; use an older one")
    for name, fingerprint in files.items():
        file = path / name
        if not file.is_file() or _fingerprint(file) != fingerprint:
            raise CheckpointError(f"the checkpoint {path} is corrupt: {name} is missing or damaged; use an older one")
    return manifest


def load_tensors(path: Path, name: str, prefix: str = "") -> dict[str, torch.Tensor]:
    """Reads the tensors of one of a checkpoint's files, `AGENT` or `POLICY`, whose names begin with a prefix.

    Raises:
        CheckpointError: It cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path / name, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys() if key.startswith(prefix)}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"the checkpoint {path} is corrupt: {name} cannot be read ({error})") from error


def newest(directory: Path) -> Path | None:
    """Finds the newest complete checkpoint in a folder; None if there is none."""
    found = [path for path in directory.glob("[0-9]*") if (path / MANIFEST).exists()]
    return max(found, key=lambda path: int(path.name), default=None)


class CheckpointWriter:
    """Writes checkpoints in a thread of its own, one at a time, and keeps the last few."""

    def __init__(self, directory: Path, kept: int) -> None:
        self._directory = directory
        self._kept = kept
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    @property
    def is_busy(self) -> bool:
        """Returns whether one is being written."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, checkpoint: Checkpoint, number: int) -> None:
        """Begins to write under a number larger than those before; waits for the one before.

        Raises:
            CheckpointError: The one before could not be written.
        """
        self.wait()
        self._thread = threading.Thread(target=self._write, args=(checkpoint, number), name="checkpoint", daemon=False)
        self._thread.start()

    def wait(self) -> None:
        """Waits until nothing is being written.

        Raises:
            CheckpointError: The last one could not be written.
        """
        if self._thread is not None:
            self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise CheckpointError(
                f"cannot write a checkpoint in {self._directory}: {error.strerror or error}"
            ) from error

    def _write(self, checkpoint: Checkpoint, number: int) -> None:
        try:
            save(checkpoint, self._directory / f"{number:010d}")
            complete = sorted(path for path in self._directory.glob("[0-9]*") if (path / MANIFEST).exists())
            for path in complete[: -self._kept]:
                shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            self._error = error


def _fingerprint(path: Path) -> dict[str, int]:
    crc, size = 0, 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            crc, size = zlib.crc32(block, crc), size + len(block)
    return {"bytes": size, "crc32": crc}
