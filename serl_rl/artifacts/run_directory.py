"""Lays out the directory of a run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from serl_api.lifetime.whole_file import written_whole
from serl_rl.errors import UsageError


class RunDirectory:
    """Names the paths of one run.

    Args:
        path: Folder of the run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        """Folder of the run."""
        self.config = path / "config.json"
        """The resolved configuration."""
        self.run = path / "run.json"
        """Identity of the run, and what must outlive the learner."""
        self.replay = path / "replay"
        """Rows of the actors."""
        self.checkpoints = path / "checkpoints"
        """Numbered checkpoints."""
        self.final_checkpoint = path / "checkpoint"
        """Checkpoint at the end of the run."""
        self.demonstrations = path / "demonstrations" / "demonstrations.episodes"
        """Recorded demonstrations."""
        self.encoder = path / "encoder.safetensors"
        """Weights of a backbone that was pretrained for this run."""
        self.logs = path / "logs"
        """Logs of the processes."""
        self.curves = path / "curves.png"
        """Learning curves."""
        self.video = path / "policy.mp4"
        """Video of evaluation episodes."""
        self.result = path / "result.json"
        """Results of the run."""

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


def make_folder_of(output: Path, option: str) -> None:
    """Makes the folder that an output goes into, before the work that the output is of.

    Raises:
        UsageError: It cannot be made, or nothing can be written there.
    """
    folder = output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"nothing can be written in {folder}: {reason}; give another {option}") from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a small file so that it is there whole or not at all."""
    with written_whole(path) as file:
        file.write((json.dumps(values, indent=2) + "\n").encode())
