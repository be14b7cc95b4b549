"""Stores rows in memory, or in mapped files that outlive a killed process.

Crash safety rests on the order of stores. Rows that will be overwritten are given up first (`begin`), then the new rows
are written, then they are committed (`end`). The kernel keeps mapped pages of a process that was killed, so after a
kill -9 at any moment the rows from `begin` to `end` are whole.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format

from serl_rl.artifacts.run_directory import write_json
from serl_rl.protocol.names import MAX_NAME_BYTES
from serl_rl.protocol.spec import EnvironmentSpec, difference
from serl_rl.replay.errors import InvalidRowsError, ReplayFilesError, ReplayStorageError
from serl_rl.replay.mapped_files import DiskSpace, map_array
from serl_rl.replay.rows import COLUMNS, RowKind

MAX_ACTORS = 1024
"""How many actors one replay may hear of."""

_FORMAT = "serl-replay"
_VERSION = 1
_BEGIN, _END, _ACTORS = 0, 1, 2

HEADER_ENTRIES = 3
"""Numbers in the header: the oldest row that is kept, the next to come, and how many actors there are."""

FieldLayout = tuple[tuple[int, ...], np.dtype[Any]]
"""Shape and type of a column in one row."""


class RowStorage:
    """Holds columns of `capacity` rows with a window of committed ones. Not thread-safe: the buffer holds a lock.

    A row has an absolute number that only grows; it lies in slot `number % capacity`.

    Args:
        spec: What a row holds.
        capacity: Largest number of rows kept; the oldest are overwritten.
        directory: Where the files are or will be; None keeps everything in memory.

    Raises:
        ReplayFilesError: The directory holds a replay of another spec or capacity, is corrupt, or is in use.
        ReplayStorageError: The disk is full.
    """

    def __init__(self, spec: EnvironmentSpec, capacity: int, directory: Path | None) -> None:
        self.spec = spec
        self.capacity = capacity
        self._directory = directory
        self._layout = row_layout(spec)
        self._lock_file = None if directory is None else _lock(directory)
        try:
            if directory is not None:
                _check_or_write_layout(directory, spec, capacity)
                _check_no_lost_header(directory)
            self._header = self._map("header", HEADER_ENTRIES, (), np.dtype(np.int64), is_whole=True)
            self._check_header()
            self.columns = {name: self._map(name, capacity, *field) for name, field in self._layout.items()}
            self._space = DiskSpace(directory, self.columns)
            text = np.dtype(np.uint8)
            self._actor_names = self._map("actor_names", MAX_ACTORS, (MAX_NAME_BYTES,), text, is_whole=True)
            self.acknowledged = self._map("acknowledged", MAX_ACTORS, (), np.dtype(np.int64), is_whole=True)
            self._check_rows()
        except BaseException:
            self.close()
            raise

    @property
    def begin(self) -> int:
        """Returns the number of the oldest row that is kept."""
        return int(self._header[_BEGIN])

    @property
    def end(self) -> int:
        """Returns the number of the next row to come."""
        return int(self._header[_END])

    def release(self, begin: int) -> None:
        """Gives up all rows before `begin`; must precede overwriting them."""
        self._header[_BEGIN] = begin

    def write(self, numbers: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Writes rows without committing them; space for them must have been reserved."""
        slots = numbers % self.capacity
        for name, values in columns.items():
            self.columns[name][slots] = values

    def reserve(self, rows: int) -> None:
        """Claims disk space for the first `rows` slots.

        Raises:
            ReplayStorageError: The disk is full.
        """
        self._space.reserve(rows)

    def commit(self, end: int) -> None:
        """Makes all rows before `end` part of the replay."""
        self._header[_END] = end

    def actor_names(self) -> list[str]:
        """Returns the names of all actors, in the order of their index."""
        names = self._actor_names[: int(self._header[_ACTORS])]
        return [bytes(name).rstrip(b"\0").decode() for name in names]

    def add_actor(self, name: str) -> int:
        """Adds an actor and returns its index.

        Raises:
            ReplayStorageError: The name is too long, or there are too many actors.
        """
        index = int(self._header[_ACTORS])
        encoded = name.encode()
        if self._directory is not None and not name:
            raise InvalidRowsError("actor_id", "is empty; rows that are kept need the name of their actor")
        if index == MAX_ACTORS:
            raise ReplayStorageError(f"actor {name!r} is number {MAX_ACTORS + 1}; a replay keeps at most {MAX_ACTORS}")
        if len(encoded) > MAX_NAME_BYTES:
            raise ReplayStorageError(f"the actor's name has {len(encoded)} bytes; at most {MAX_NAME_BYTES} are allowed")
        self._actor_names[index] = 0
        self._actor_names[index, : len(encoded)] = np.frombuffer(encoded, np.uint8)
        self.acknowledged[index] = 0
        self._header[_ACTORS] = index + 1
        return index

    def close(self) -> None:
        """Lets another process open the directory. Safe to call twice."""
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _map(
        self, name: str, rows: int, shape: tuple[int, ...], dtype: np.dtype[Any], *, is_whole: bool = False
    ) -> np.ndarray:
        whole = (rows, *shape)
        if self._directory is not None:
            path, size = self._directory / f"{name}.bin", math.prod(whole) * dtype.itemsize
            found = path.stat().st_size if path.exists() else 0
            is_new = found == 0 and (name == "header" or self.end == 0)
            if found != size and not is_new:
                raise ReplayFilesError(
                    f"{path} has {found} bytes instead of {size}; restore or remove {self._directory}"
                )
        return map_array(self._directory, name, whole, dtype, is_whole=is_whole)

    def _check_header(self) -> None:
        if not 0 <= self.begin <= self.end <= self.begin + self.capacity:
            window = f"rows {self.begin} to {self.end} of at most {self.capacity}"
            raise ReplayFilesError(
                f"the header in {self._directory} says {window}; it is corrupt: remove the directory"
            )

    def _check_rows(self) -> None:
        """An actor whose name is lost would begin anew, and all its rows would be there twice."""
        count, flaw = int(self._header[_ACTORS]), ""
        try:
            names = self.actor_names()
        except UnicodeDecodeError:
            names = []
        if not 0 <= count <= MAX_ACTORS or len(set(names)) != count or ("" in names and self._directory is not None):
            flaw = f"the names of its {count} actors are damaged"
        elif self.end == 0 and self.acknowledged.any():
            flaw = "its header says that it is empty, but actors were told that their rows are there"
        elif self.end > self.begin:
            slots = np.arange(self.begin, self.end) % self.capacity
            if not 0 <= int(self.columns["actors"][slots].min()) <= int(self.columns["actors"][slots].max()) < count:
                flaw = f"its rows are of more than its {count} actors"
            kinds = self.columns["row_kinds"][slots]
            if kinds.min() < RowKind.STEP or kinds.max() > RowKind.FINAL:
                flaw = "some of its rows are of no kind that there is"
        if flaw:
            raise ReplayFilesError(f"the replay in {self._directory} is corrupt: {flaw}; restore or remove it")


def _check_no_lost_header(directory: Path) -> None:
    """Without its header a replay would be taken for a new one, and be overwritten."""
    header = directory / "header.bin"
    is_there = header.exists() and header.stat().st_size > 0
    others = [path for path in sorted(directory.glob("*.bin")) if path != header and path.stat().st_size > 0]
    if others and not is_there:
        raise ReplayFilesError(
            f"{header} is missing or empty, but {others[0].name} is there; restore it, or remove {directory}"
        )


def row_layout(spec: EnvironmentSpec) -> dict[str, FieldLayout]:
    """Returns shape and type of each column of a row, by the name of its file."""
    layout: dict[str, FieldLayout] = {
        f"observations.{array.name}": (array.shape, array.dtype) for array in spec.observation
    }
    layout |= {entry.name: (entry.shape(spec), entry.dtype) for entry in COLUMNS}
    own = {"actors": "i4", "sequence_numbers": "i8", "step_totals": "i8"}
    return layout | {name: ((), np.dtype(dtype)) for name, dtype in own.items()}


def _lock(directory: Path) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ReplayFilesError(f"{directory} cannot be used: {error.strerror}; choose another directory") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ReplayFilesError(
            f"{directory} is used by another process; stop it or choose another directory"
        ) from error
    return descriptor


def _check_or_write_layout(directory: Path, spec: EnvironmentSpec, capacity: int) -> None:
    path = directory / "layout.json"
    if path.exists():
        _check_layout(path, spec, capacity)
        return
    spec_json = json_format.MessageToDict(spec.to_proto())
    write_json(path, {"format": _FORMAT, "version": _VERSION, "capacity": capacity, "spec": spec_json})


def _check_layout(path: Path, spec: EnvironmentSpec, capacity: int) -> None:
    try:
        layout = json.loads(path.read_text())
        kind = (layout["format"], layout["version"])
        found_capacity = layout["capacity"]
        found = EnvironmentSpec.from_dict(layout["spec"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReplayFilesError(f"{path} is not the layout of a replay: {error}; choose another directory") from error
    if kind != (_FORMAT, _VERSION):
        raise ReplayFilesError(f"{path} is of format {kind}, not {(_FORMAT, _VERSION)}; choose another directory")
    if found_capacity != capacity:
        raise ReplayFilesError(f"{path} has capacity {found_capacity}, not {capacity}; use that or another directory")
    differing = difference(found, spec)
    if differing:
        field, theirs, ours = differing
        raise ReplayFilesError(f"{path} differs in {field}: {theirs} there, {ours} here; choose another directory")
