"""Inspects the mapped files of a replay without opening it: sizes, header, and every row once."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from serl_api.lifetime.whole_file import written_whole
from serl_rl.inspection.report import Repair, Report, hold_lock, keep_original
from serl_rl.protocol.names import MAX_NAME_BYTES
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.rows import RowKind
from serl_rl.replay.storage import HEADER_ENTRIES, MAX_ACTORS, row_layout


@dataclass(frozen=True)
class _Files:
    """Maps the files of a replay for reading."""

    folder: Path
    capacity: int
    columns: dict[str, np.ndarray]
    names: list[str]
    acknowledged: np.ndarray


def inspect_replay(folder: Path, report: Report) -> dict[str, Any] | None:
    """Describes a replay's rows by actor; damage goes into the report. None where there is no replay.

    Nothing is looked at while a learner has it, and no learner gets it while it is looked at.
    """
    if not folder.is_dir() or not any(folder.glob("*.bin")):
        return None
    lock = hold_lock(folder / "lock")
    if lock is None:
        report.add(folder, "a learner is using it; its rows were not looked at", is_damage=False)
        return {"in_use": True}
    try:
        return _inspect(folder, report)
    finally:
        if lock >= 0:
            os.close(lock)


def _inspect(folder: Path, report: Report) -> dict[str, Any]:
    try:
        layout = json.loads((folder / "layout.json").read_text())
        spec, capacity = EnvironmentSpec.from_dict(layout["spec"]), int(layout["capacity"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        report.add(folder / "layout.json", f"cannot be read ({error}); without it no row can")
        return {}
    header = _header(folder)
    files = _map(folder, spec, capacity, report)
    if files is None:
        return {"capacity": capacity}
    if header is None:
        repair = _rebuilding(files)
        hope = "" if repair else ", and cannot be made anew because rows were overwritten or names are lost"
        report.add(folder / "header.bin", f"is missing or damaged{hope}; a learner refuses the replay", repair)
        return {"capacity": capacity}
    return {"capacity": capacity, **_rows(files, header, report)}


def _header(folder: Path) -> tuple[int, int, int] | None:
    """Reads begin, end and the number of actors; None where they are missing or cannot be."""
    path = folder / "header.bin"
    if not path.exists() or path.stat().st_size != 8 * HEADER_ENTRIES:
        return None
    begin, end, actors = (int(value) for value in np.fromfile(path, np.int64))
    if end == 0 and (np.fromfile(folder / "acknowledged.bin", np.int64) > 0).any():
        return None  # Zeros: a new replay has told no actor that it holds a row.
    return (begin, end, actors) if 0 <= begin <= end and 0 <= actors <= MAX_ACTORS else None


def _map(folder: Path, spec: EnvironmentSpec, capacity: int, report: Report) -> _Files | None:
    wanted = {name: ((capacity, *shape), dtype) for name, (shape, dtype) in row_layout(spec).items()}
    wanted["actor_names"] = ((MAX_ACTORS, MAX_NAME_BYTES), np.dtype(np.uint8))
    wanted["acknowledged"] = ((MAX_ACTORS,), np.dtype(np.int64))
    arrays: dict[str, np.ndarray] = {}
    for name, (shape, dtype) in wanted.items():
        path, size = folder / f"{name}.bin", math.prod(shape) * dtype.itemsize
        found = path.stat().st_size if path.exists() else 0
        if found != size:
            report.add(path, f"has {found} bytes instead of {size}: rows are cut off, and a learner refuses the replay")
        else:
            arrays[name] = np.memmap(path, dtype, "r", shape=shape)
    if len(arrays) < len(wanted):
        return None
    texts = [bytes(name).rstrip(b"\0").decode(errors="replace") for name in arrays.pop("actor_names")]
    return _Files(folder, capacity, arrays, texts, arrays.pop("acknowledged"))


def _rows(files: _Files, header: tuple[int, int, int], report: Report) -> dict[str, Any]:
    begin, end, count = header
    if end - begin > files.capacity:
        report.add(files.folder / "header.bin", f"says rows {begin} to {end} of at most {files.capacity}")
        return {}
    slots = np.arange(begin, end) % files.capacity
    owners, numbers = (files.columns[name][slots] for name in ("actors", "sequence_numbers"))
    kinds = files.columns["row_kinds"][slots]
    if len(slots) and not (0 <= int(owners.min()) <= int(owners.max()) < count):
        report.add(files.folder / "actors.bin", f"names more than the {count} actors that there are")
    if ((kinds < RowKind.STEP) | (kinds > RowKind.FINAL)).any():
        report.add(files.folder / "row_kinds.bin", "holds rows of kinds that do not exist")
    for name, column in files.columns.items():
        if column.dtype.kind == "f" and len(slots) and not np.isfinite(column[slots]).all():
            report.add(files.folder / f"{name}.bin", "holds a value that is NaN or infinite")
    actors = {}
    for index in range(count):
        name, own = files.names[index], numbers[owners == index]
        acknowledged = int(files.acknowledged[index])
        _check_actor(files.folder, name, own, acknowledged, report)
        actors[name] = {"rows": len(own), "acknowledged": max(acknowledged, int(own.max(initial=0)))}
    _check_names(files, count, report)
    return {"rows": len(slots), "environment_steps": _steps(files, end), "actors": actors}


def _check_actor(folder: Path, name: str, numbers: np.ndarray, acknowledged: int, report: Report) -> None:
    """Finds rows that are there twice or not at all; those before the oldest one were overwritten."""
    path, steps = folder / "sequence_numbers.bin", np.diff(numbers)
    if doubled := len(numbers) - len(np.unique(numbers)):
        report.add(path, f"{doubled} rows of actor {name!r} are there twice")
    elif (steps != 1).any():
        missing = int((steps[steps > 1] - 1).sum())
        report.add(path, f"{missing} rows of actor {name!r} are missing, or rows are out of order")
    if len(numbers) and acknowledged > int(numbers[-1]):
        report.add(path, f"actor {name!r} was told that row {acknowledged} is there, but the last is {numbers[-1]}")


def _check_names(files: _Files, count: int, report: Report) -> None:
    names = files.names[:count]
    if "" in names or len(set(names)) < count:
        report.add(files.folder / "actor_names.bin", f"the names of its {count} actors are damaged")


def _steps(files: _Files, end: int) -> int:
    return int(files.columns["step_totals"][(end - 1) % files.capacity]) if end else 0


def _rebuilding(files: _Files) -> Repair | None:
    """Counts the rows that were written whole: their numbers and totals are written last."""
    numbers, totals = files.columns["sequence_numbers"], files.columns["step_totals"]
    end, count = int(np.argmin(numbers > 0)), sum(bool(name) for name in files.names)
    if numbers[0] == 0 or numbers[-1] > 0 or not count or not (np.diff(totals[:end]) >= 0).all():
        return None
    owners = files.columns["actors"][:end]
    if int(owners.max()) >= count:
        return None
    path = files.folder / "header.bin"
    text = f"make it anew from the {end} rows of {count} actors that are there"
    return Repair(text=text, run=partial(_write_header, path, (0, end, count)))


def _write_header(path: Path, header: tuple[int, int, int]) -> None:
    if path.exists():
        keep_original(path)
    with written_whole(path) as file:
        file.write(np.array(header, np.int64).tobytes())
