"""Queues rows on disk until the learner acknowledges them; bounded, and survives kill -9.

A spool is a folder of segment files. A segment starts with a header (magic, length, CRC, JSON) and holds records of
one fixed size, each a row followed by its CRC, so that rows are written once and read back as one array. A record that
was cut short by a crash was never sent, because a row is sent only after it was written; it is dropped on opening.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import fcntl
import json
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from serl_rl.errors import SpoolError, SpoolFullError

_MAGIC = b"SERLSPL1"
_SEGMENT_BYTES = 4_000_000
_CRC_BYTES = 4
# Written on close, when a learner has every row: what is left then only remembers the numbers.
_EMPTY = "acknowledged.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

RowArray = npt.NDArray[np.void]


@dataclass
class _Segment:
    """Describes a file of consecutive rows."""

    path: Path
    first: int
    """Sequence number of its first row."""
    count: int
    """Rows in it."""
    descriptor: int
    """Open file descriptor."""
    offset: int
    """Position of its first record, in bytes."""

    @property
    def last(self) -> int:
        return self.first + self.count - 1


class Spool:
    """Queues rows on disk, bounded and numbered from 1. Safe from any thread.

    Args:
        directory: Folder of this actor's spool; created if missing.
        row_type: Structured type of one row.
        owner: Names the run and the actor; rows of another owner are refused.
        limit_bytes: Most bytes of rows that may wait.
        next_sequence: Number of the next row at least, as the learner knows it.

    Raises:
        SpoolError: The folder holds something else, or unsent rows of another owner, or another actor uses it.
    """

    def __init__(
        self, directory: Path, row_type: np.dtype[Any], owner: str, limit_bytes: int, next_sequence: int = 1
    ) -> None:
        self._directory = directory
        self.row_type = row_type
        """Structured type of one row."""
        self._owner = owner
        self._record_bytes = row_type.itemsize + _CRC_BYTES
        self._limit_rows = max(1, limit_bytes // self._record_bytes)
        self._segment_rows = max(1, min(_SEGMENT_BYTES // self._record_bytes, self._limit_rows))
        self._changed = threading.Condition()
        self._segments: list[_Segment] = []
        self._acknowledged = 0
        self._closed = False
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_file: int | None = _lock(directory)
        try:
            done = self._take_emptied_owner()
            for path in sorted(directory.glob("rows-*.spool")):
                self._recover(path, done)
        except BaseException:
            self._unlock()
            raise
        self.next_sequence = max(self._segments[-1].last + 1 if self._segments else 1, next_sequence)
        """Number that the next row gets."""
        self.acknowledge(next_sequence - 1)

    @property
    def waiting_count(self) -> int:
        """Counts the rows that are not acknowledged."""
        return self.next_sequence - 1 - self._acknowledged

    @property
    def is_full(self) -> bool:
        """Returns whether the bound is reached; `append` still works, but the caller should wait."""
        return self.waiting_count >= self._limit_rows

    def append(self, row: RowArray) -> int:
        """Writes a row.

        Args:
            row: One row, shape () or (1,).

        Returns:
            Its sequence number.

        Raises:
            SpoolFullError: The disk is full. The rows before it are safe.
        """
        data = row.tobytes()
        record = data + zlib.crc32(data).to_bytes(_CRC_BYTES, "little")
        with self._changed:
            segment = self._writable_segment()
            self._write(segment, record)
            segment.count += 1
            self.next_sequence += 1
            self._changed.notify_all()
            return self.next_sequence - 1

    def wait(self, sequence: int, timeout_s: float) -> bool:
        """Waits until a row has been written.

        Args:
            sequence: Number of the row.
            timeout_s: Longest wait in s.

        Returns:
            Whether it is here; False after `close`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.next_sequence > sequence, timeout_s)
            return not self._closed and self.next_sequence > sequence

    def read(self, first: int, max_rows: int) -> RowArray:
        """Reads consecutive rows.

        Args:
            first: Number of the first one.
            max_rows: Largest count; fewer come at the border of a segment.

        Returns:
            Rows, shape (n,), empty if there are none from `first` on.

        Raises:
            SpoolError: The rows are no longer here, or damaged.
        """
        with self._changed:
            segment = next((item for item in self._segments if item.first <= first <= item.last), None)
            if segment is None:
                if first >= self.next_sequence:
                    return np.empty(0, self.row_type)
                oldest = self._segments[0].first if self._segments else self.next_sequence
                raise SpoolError(
                    f"row {first} is no longer in the spool {self._directory}, which starts at {oldest}: "
                    "the learner lost rows that it had acknowledged; start the actor under another --actor-id"
                )
            count = min(max_rows, segment.last - first + 1)
            start = segment.offset + (first - segment.first) * self._record_bytes
            data = os.pread(segment.descriptor, count * self._record_bytes, start)
        return _unpack(data, self.row_type, segment.path)

    def acknowledge(self, sequence: int) -> None:
        """Forgets rows that the learner holds.

        Args:
            sequence: Number of the last one that it holds.
        """
        with self._changed:
            self._acknowledged = max(self._acknowledged, min(sequence, self.next_sequence - 1))
            while self._segments and self._segments[0].last <= self._acknowledged and self._is_complete(0):
                segment = self._segments.pop(0)
                os.close(segment.descriptor)
                segment.path.unlink(missing_ok=True)
            self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Waits until the spool is below its bound.

        Args:
            timeout_s: Longest wait in s.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not self.is_full, timeout_s)

    def close(self) -> None:
        """Closes the files; unacknowledged rows stay on disk."""
        with self._changed:
            self._closed = True
            if self._segments and not self.waiting_count:
                with contextlib.suppress(OSError):  # A full disk: the rows are then refused by name, not lost.
                    (self._directory / _EMPTY).write_text(json.dumps({"owner": self._owner}))
            for segment in self._segments:
                os.close(segment.descriptor)
            self._segments.clear()
            self._unlock()
            self._changed.notify_all()

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _is_complete(self, index: int) -> bool:
        # The segment that is being written stays, so that its numbers are remembered, unless nothing more fits.
        return index < len(self._segments) - 1 or self._segments[index].count >= self._segment_rows

    def _writable_segment(self) -> _Segment:
        if self._segments:
            newest = self._segments[-1]
            if newest.count < self._segment_rows and newest.last + 1 == self.next_sequence:
                return newest
        segment = self._create(self.next_sequence)
        self._segments.append(segment)
        return segment

    def _create(self, first: int) -> _Segment:
        header = json.dumps({"owner": self._owner, "first": first, "row_type": _describe(self.row_type)}).encode()
        prefix = _MAGIC + len(header).to_bytes(4, "little") + zlib.crc32(header).to_bytes(4, "little")
        path = self._directory / f"rows-{first:016d}.spool"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        segment = _Segment(path, first, 0, descriptor, 0)
        try:
            self._write(segment, prefix + header)
        except SpoolFullError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        segment.offset = len(prefix) + len(header)
        return segment

    def _write(self, segment: _Segment, data: bytes) -> None:
        end = segment.offset + segment.count * self._record_bytes if segment.offset else 0
        try:
            written = os.pwrite(segment.descriptor, data, end)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise self._full(segment, end) from error
            raise SpoolError(f"cannot write the spool {segment.path}: {error.strerror}") from error
        if written != len(data):
            raise self._full(segment, end)

    def _full(self, segment: _Segment, end: int) -> SpoolFullError:
        with contextlib.suppress(OSError):
            os.ftruncate(segment.descriptor, end)
        return SpoolFullError(
            f"the disk under the spool {self._directory} is full; its {self.waiting_count} waiting rows are safe: "
            "make room and start the actor again"
        )

    def _take_emptied_owner(self) -> str | None:
        """Takes the owner of rows that were all acknowledged when the spool was closed, and forgets it."""
        path = self._directory / _EMPTY
        try:
            return str(json.loads(path.read_text())["owner"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        finally:
            path.unlink(missing_ok=True)

    def _recover(self, path: Path, done: str | None) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise SpoolError(f"{path} cannot be used: {error.strerror}; choose another --spool-directory") from error
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        header, offset = _read_header(content, path)
        if header is None:  # Cut short while it was created; no row of it was ever sent.
            os.close(descriptor)
            path.unlink()
            return
        if header["owner"] == done != self._owner:
            os.close(descriptor)
            path.unlink()
            return
        if header["owner"] != self._owner or header["row_type"] != _describe(self.row_type):
            os.close(descriptor)
            raise SpoolError(
                f"the spool {self._directory} holds rows of {header['owner'][:100]!r}, not of {self._owner!r}: "
                "give another --spool-directory, or remove it if those rows are not needed"
            )
        count = _whole_records(content[offset:], self.row_type)
        os.ftruncate(descriptor, offset + count * self._record_bytes)
        self._segments.append(_Segment(path, int(header["first"]), count, descriptor, offset))


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Describes a file of a spool that nobody has open."""

    path: Path
    """The file."""
    owner: str
    """Run and actor."""
    first: int
    """Sequence number of its first row."""
    count: int
    """Undamaged rows at its start."""
    behind_damage: int
    """Whole records from the first damaged one on."""
    torn_bytes: int
    """Bytes of a last record that was cut short."""


def read_segment(path: Path) -> Segment | None:
    """Reads a file of a spool without changing it; None where its header was cut short.

    Raises:
        SpoolError: It is no file of a spool, or its header is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpoolError(f"{path} cannot be read: {error.strerror}") from None
    header, offset = _read_header(content, path)
    if header is None:
        return None
    try:
        row_type = np.dtype([tuple(entry) for entry in ast.literal_eval(header["row_type"])])
    except (TypeError, ValueError, SyntaxError) as error:
        raise SpoolError(f"{path} has a header that does not say what it holds: {error}") from error
    records, torn = divmod(len(content) - offset, row_type.itemsize + _CRC_BYTES)
    count = _whole_records(content[offset:], row_type)
    owner, first = header["owner"], header["first"]
    return Segment(path=path, owner=owner, first=first, count=count, behind_damage=records - count, torn_bytes=torn)


def _describe(row_type: np.dtype[Any]) -> str:
    return str(row_type.descr)


def _read_header(content: bytes, path: Path) -> tuple[dict[str, Any] | None, int]:
    """Reads a segment's header; None if it was cut short."""
    if content[: len(_MAGIC)] != _MAGIC[: len(content)]:
        raise SpoolError(f"{path} is not a spool file; give another --spool-directory")
    start = len(_MAGIC) + 8
    if len(content) < start:
        return None, 0
    length, crc = (int.from_bytes(content[start - 8 + i : start - 4 + i], "little") for i in (0, 4))
    text = content[start : start + length]
    if len(text) < length or zlib.crc32(text) != crc:
        return None, 0
    try:
        header = json.loads(text)
        has_kinds = isinstance(header["owner"], str) and isinstance(header["row_type"], str)
        if not has_kinds or type(header["first"]) is not int or header["first"] < 1:
            raise TypeError("owner, row_type or first is of another kind")
    except (KeyError, TypeError, ValueError) as error:
        raise SpoolError(f"{path} has a header that does not say what it holds: {error}") from error
    return header, start + length


def _lock(directory: Path) -> int:
    """Claims a folder for as long as the returned descriptor is open; the end of the process closes it too."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise SpoolError(f"the spool {directory} cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SpoolError(
            f"another actor uses the spool {directory}; start this one with another --actor-id, or end that one"
        ) from None
    return descriptor


def _whole_records(data: bytes, row_type: np.dtype[Any]) -> int:
    """Counts the undamaged records at the start of a segment."""
    record_bytes = row_type.itemsize + _CRC_BYTES
    total = len(data) // record_bytes
    for index in range(total):
        start = index * record_bytes
        row = data[start : start + row_type.itemsize]
        if zlib.crc32(row) != int.from_bytes(data[start + row_type.itemsize : start + record_bytes], "little"):
            return index
    return total


def _unpack(data: bytes, row_type: np.dtype[Any], path: Path) -> RowArray:
    records = np.frombuffer(data, [("row", row_type), ("crc", "<u4")])
    if _whole_records(data, row_type) != len(records):
        raise SpoolError(f"the spool file {path} is damaged; its rows before the damage were sent")
    return records["row"]
