"""Inspects the spool of an actor without opening it: rows that wait for the learner, and records that are damaged."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from serl_rl.actor.spool import Segment, read_segment
from serl_rl.errors import SpoolError
from serl_rl.inspection.report import Repair, Report, hold_lock, original_of


def find_spools(folder: Path) -> list[Path]:
    """Finds the spools in a folder: itself, or folders of actors below it."""
    return sorted({path.parent for path in folder.rglob("rows-*.spool")})


def inspect_spool(folder: Path, report: Report) -> dict[str, Any]:
    """Describes the rows of a spool; damage goes into the report."""
    lock = hold_lock(folder / "lock")
    if lock is None:
        report.add(folder, "an actor is using it; its rows were not looked at", is_damage=False)
        return {"in_use": True}
    try:
        segments = [segment for path in sorted(folder.glob("rows-*.spool")) if (segment := _read(path, report))]
    finally:
        if lock >= 0:
            os.close(lock)
    if not segments:
        return {"rows": 0}
    for earlier, later in itertools.pairwise(segments):
        if later.first != earlier.first + earlier.count:
            text = (
                f"begins with row {later.first}, but the file before it ends with {earlier.first + earlier.count - 1}"
            )
            report.add(later.path, text)
    rows = {"owner": segments[0].owner, "rows": sum(segment.count for segment in segments)}
    return rows | {"first": segments[0].first, "last": segments[-1].first + segments[-1].count - 1}


def _read(path: Path, report: Report) -> Segment | None:
    try:
        segment = read_segment(path)
    except SpoolError as error:
        kept = original_of(path)
        report.add(path, str(error), Repair(text=f"set it aside as {kept.name}", run=lambda: os.rename(path, kept)))
        return None
    if segment is None:
        report.add(path, "was cut short while it was begun; it holds no row", is_damage=False)
        return None
    if segment.behind_damage:
        report.add(path, f"{segment.behind_damage} rows from row {segment.first + segment.count} on are damaged")
    elif segment.torn_bytes:
        text = f"ends within a row, of {segment.torn_bytes} bytes; it was never sent, and the actor drops it"
        report.add(path, text, is_damage=False)
    return segment
