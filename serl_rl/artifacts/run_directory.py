"""Lays out the directory of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serl_rl.errors import UsageError


@dataclass(frozen=True)
class RunDirectory:
    """Names the paths of one run."""

    path: Path
    """Folder of the run."""

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.json"

    @property
    def run(self) -> Path:
        """Identity of the run, and what must outlive the learner."""
        return self.path / "run.json"

    @property
    def replay(self) -> Path:
        """Rows of the actors."""
        return self.path / "replay"

    @property
    def checkpoints(self) -> Path:
        """Numbered checkpoints."""
        return self.path / "checkpoints"

    @property
    def final_checkpoint(self) -> Path:
        """Checkpoint at the end of the run."""
        return self.path / "checkpoint"

    @property
    def demonstrations(self) -> Path:
        """Recorded demonstrations."""
        return self.path / "demonstrations" / "demonstrations.episodes"

    @property
    def encoder(self) -> Path:
        """Weights of a backbone that was pretrained for this run."""
        return self.path / "encoder.safetensors"

    @property
    def logs(self) -> Path:
        """Logs of the processes."""
        return self.path / "logs"

    @property
    def curves(self) -> Path:
        """Learning curves."""
        return self.path / "curves.png"

    @property
    def video(self) -> Path:
        """Video of evaluation episodes."""
        return self.path / "policy.mp4"

    @property
    def result(self) -> Path:
        """Results of the run."""
        return self.path / "result.json"

    def has_run(self) -> bool:
        """Returns whether a learner has worked here."""
        return self.run.exists()


def create(root: Path, name: str | None, default_name: str) -> RunDirectory:
    """Makes the folder of a new run.

    Args:
        root: Folder of all runs.
        name: Name of the run; None numbers the default name.
        default_name: Stem of the numbered name.

    Returns:
        The new folder.

    Raises:
        UsageError: A run of that name is there already, or the folder cannot be made.
    """
    names = [name] if name is not None else [default_name, *(f"{default_name}-{index}" for index in range(2, 10_000))]
    for candidate in names:
        path = root / candidate
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"cannot make the folder {path}: {error.strerror}") from error
        return RunDirectory(path)
    raise UsageError(f"the run {root / names[0]} exists already; give another --name, or remove it")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a small file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(json.dumps(values, indent=2) + "\n")
    temporary.replace(path)
