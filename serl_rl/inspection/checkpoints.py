"""Inspects the checkpoints of a run: step, digests, and folders that a killed process left half done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.errors import CheckpointError
from serl_rl.inspection.report import Repair, Report, original_of

_COUNTS = ("env_steps", "critic_updates", "policy_version", "phase", "saved_at")


def inspect_checkpoints(directory: RunDirectory, report: Report) -> list[dict[str, Any]]:
    """Lists the checkpoints of a run, oldest first, the final one last; damage goes into the report."""
    numbered = [path for path in directory.checkpoints.glob("[0-9]*") if path.is_dir()]
    listed = [_inspect(path, report) for path in sorted(numbered)]
    final = directory.final_checkpoint
    replaced = final.with_name(f".{final.name}.old")
    if final.is_dir():
        listed.append(_inspect(final, report))
    elif replaced.is_dir():
        repair = Repair(text=f"rename it to {final.name}", run=lambda: os.rename(replaced, final))
        report.add(replaced, "the final checkpoint was being replaced when its process was killed", repair)
    for partial in (*directory.checkpoints.glob(".*.partial"), *directory.path.glob(".*.partial")):
        report.add(partial, "left over from a process that was killed while it wrote; harmless", is_damage=False)
    return listed


def _inspect(path: Path, report: Report) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": str(path), "digests": "match"}
    entry["bytes"] = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    try:
        manifest = checkpoints.read_manifest(path)
    except CheckpointError as error:
        entry["digests"] = "damaged"
        kept = original_of(path.with_name(f".{path.name}"))  # Under a name that is no number, so that nobody reads it.
        repair = Repair(
            text=f"set it aside as {kept.name}, so that the newest whole one is used", run=lambda: os.rename(path, kept)
        )
        report.add(path, str(error), repair)
        return entry
    return entry | {name: manifest.get(name) for name in _COUNTS}
