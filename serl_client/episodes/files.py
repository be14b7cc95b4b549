"""Reads and writes episode files: lossless, append-only, each episode whole or absent.

A file is a magic number and then records; a record is a fixed head (`RecordHead`), and a body of one JSON manifest and
the arrays' bytes, each array little-endian and in C order, compressed when that pays, pictures one by one. The first
record is the header. A record is synchronised to the disk before the next one begins, so that a crash can only leave a
torn tail, which a reader drops with a warning and the next writer cuts off. There is no pickle.
"""

from __future__ import annotations

import fcntl
import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from serl_api.lifetime.closing import ClosedOnExit
from serl_client.episodes.records import (
    HEAD_BYTES,
    MAGIC,
    Record,
    RecordHead,
    decode_record,
    encode_parts,
    is_pictures,
)
from serl_client.errors import EpisodeFileError

_FORMAT_VERSION = 2
"""In the first version pictures were packed as a whole; such files are read, and appended to as they are."""
_ARRAYS = {"actions": 2, "rewards": 1, "interventions": 1, "stamps_ns": 1}
"""Arrays of every episode, beside its observations, with their dimensions; named as the fields of `Episode`."""
_FLAGS = ("terminated", "truncated", "success")
OBSERVATIONS = "observations/"
"""What the name of an observation's array begins with."""
_OPTIONAL_GROUPS = ("sensors", "sensor_stamps_ns", "frame_numbers", "extra_actions")
"""Tables of arrays that an episode may have, named as the fields of `Episode`; an array's name is that and its key."""


class EpisodeFileWarning(UserWarning):
    """Warns that part of an episode file could not be read; the rest was."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """Holds one episode of T steps. There is one observation more than there are actions: the last one is its own."""

    observations: Mapping[str, NDArray[Any]]
    """By key, shape (T + 1, ...)."""
    actions: NDArray[Any]
    """Executed actions in the policy's own frame, in [-1, 1]. Shape (T, A)."""
    rewards: NDArray[np.float64]
    """Shape (T,)."""
    terminated: bool
    """Whether the task ended it."""
    truncated: bool
    """Whether the clock ended it."""
    interventions: NDArray[np.bool_]
    """Steps whose action came from a human or an expert. Shape (T,)."""
    stamps_ns: NDArray[np.int64]
    """Reference times of the observations since the first one, on the daemon's clock. Shape (T + 1,), ns."""
    success: bool
    """Whether the task was done."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Whatever else is worth keeping, as JSON values."""
    grasp_penalties: NDArray[np.float32] | None = None
    """Reward of the gripper alone, shape (T,); None where the task has none."""
    sensors: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    """What else was measured beside the policy's observations, by name, such as "joint_torques"; shape (T + 1, ...)."""
    sensor_stamps_ns: Mapping[str, NDArray[np.int64]] = field(default_factory=lambda: MappingProxyType({}))
    """When each sensor took the sample that stands in the observation, by sensor, such as "camera/front", on the clock
    and from the instant of `stamps_ns`. One that came too late repeats the stamp of the last. Shape (T + 1,), ns."""
    frame_numbers: Mapping[str, NDArray[np.int64]] = field(default_factory=lambda: MappingProxyType({}))
    """Count of each camera since the episode's first frame; a gap is a frame that no observation holds; (T + 1,)."""
    extra_actions: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    """Actions beside those of the arm, by name, such as a mobile base's "base_action"; shape (T, ...)."""
    control_rate_hz: float | None = None
    """Steps a second that were asked for; None where nobody wrote it down."""

    def __post_init__(self) -> None:
        steps = len(self.actions)
        lengths = {"rewards": (self.rewards, steps), "interventions": (self.interventions, steps)}
        if self.grasp_penalties is not None:
            lengths["grasp_penalties"] = (self.grasp_penalties, steps)
        lengths |= {f"observations[{key}]": (value, steps + 1) for key, value in self.observations.items()}
        lengths["stamps_ns"] = (self.stamps_ns, steps + 1)
        for group in _OPTIONAL_GROUPS:
            count = steps if group == "extra_actions" else steps + 1
            lengths |= {f"{group}[{key}]": (array, count) for key, array in getattr(self, group).items()}
        for name, (array, length) in lengths.items():
            if len(array) != length:
                raise ValueError(f"{name} has {len(array)} entries; an episode of {steps} steps needs {length}")

    def __len__(self) -> int:
        """Returns the number of steps."""
        return len(self.actions)


@dataclass(frozen=True, kw_only=True)
class EpisodeHeader:
    """Holds what all episodes of a file share."""

    task: str
    """Environment, such as "serl/PickCube-v0"."""
    specification: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Shapes and types of observations and actions, as JSON values; files of another one are not appended to."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Who, when, with which versions, as JSON values."""


class EpisodeWriter(ClosedOnExit):
    """Appends episodes to a file, which it creates if need be. A context manager.

    Raises:
        EpisodeFileError: The file is foreign, holds another task, or is being written by another process.
    """

    def __init__(self, path: Path | str, header: EpisodeHeader) -> None:
        self._path = Path(path)
        self._last_start: int | None = None
        self._packs_rows = True
        # Unbuffered: what a full disk refused must not be tried again on close.
        self._file: io.FileIO = self._path.open("ab", buffering=0)
        try:
            self._lock()
            self._begin(header)
        except BaseException:
            self._file.close()
            raise

    def append(self, episode: Episode) -> None:
        """Writes an episode; when this returns, the disk has it.

        Raises:
            OSError: The disk is full; what was there before stays readable.
            ValueError: An array holds objects.
        """
        arrays = {name: getattr(episode, name) for name in _ARRAYS}
        arrays |= {f"{OBSERVATIONS}{key}": value for key, value in episode.observations.items()}
        if episode.grasp_penalties is not None:
            arrays["grasp_penalties"] = episode.grasp_penalties
        for group in _OPTIONAL_GROUPS:
            arrays |= {f"{group}/{key}": array for key, array in getattr(episode, group).items()}
        fields: dict[str, Any] = {name: getattr(episode, name) for name in _FLAGS} | {
            "metadata": dict(episode.metadata)
        }
        if episode.control_rate_hz is not None:
            fields["control_rate_hz"] = episode.control_rate_hz
        start = os.fstat(self._file.fileno()).st_size
        self._write(*encode_parts(Record(kind="episode", fields=fields, arrays=arrays), packs_rows=self._packs_rows))
        self._last_start = start

    def remove_last(self) -> bool:
        """Takes back the episode appended last, once; returns whether there was one. Those before this writer stay."""
        start, self._last_start = self._last_start, None
        if start is None:
            return False
        os.ftruncate(self._file.fileno(), start)
        os.fsync(self._file.fileno())
        return True

    def close(self) -> None:
        """Closes the file. Safe to repeat."""
        self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EpisodeFileError(
                f"{self._path} is being written by another process; wait, or choose another file"
            ) from None
        if os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino:
            raise EpisodeFileError(f"{self._path} was edited by another process just now; try again")

    def _begin(self, header: EpisodeHeader) -> None:
        if self._path.stat().st_size < len(MAGIC) and MAGIC.startswith(self._path.read_bytes()):
            self._file.truncate(0)
            fields = {
                "version": _FORMAT_VERSION,
                "task": header.task,
                "specification": dict(header.specification),
                "metadata": dict(header.metadata),
            }
            self._write(MAGIC, *encode_parts(Record(kind="header", fields=fields, arrays={})))
            return
        existing = read_header(self._path)
        differing = _difference(existing, header)
        if differing is not None:
            name, held, given = differing
            raise EpisodeFileError(
                f"{self._path} holds episodes whose {name} is {held}, not {given}; choose another file, or record as "
                "they were recorded"
            )
        self._packs_rows = _version_of(self._path) > 1
        self._cut_torn_tail()

    def _cut_torn_tail(self) -> None:
        end = len(MAGIC)
        with self._path.open("rb") as file:
            for scanned in _scan(file):
                end = scanned.end
        if end < self._path.stat().st_size:
            self._file.truncate(end)
            os.fsync(self._file.fileno())

    def _write(self, *parts: bytes | memoryview) -> None:
        end = os.fstat(self._file.fileno()).st_size
        try:
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise


def _difference(held: EpisodeHeader, given: EpisodeHeader) -> tuple[str, Any, Any] | None:
    """Finds what two headers tell differently, with both values; None where their episodes may be in one file."""
    if held.task != given.task:
        return "task", held.task, given.task
    for name in sorted({*held.specification, *given.specification}):
        values = held.specification.get(name), given.specification.get(name)
        if values[0] != values[1]:
            return name, *values
    return None


def read_header(path: Path | str) -> EpisodeHeader:
    """Reads the header of an episode file.

    Raises:
        EpisodeFileError: The file cannot be read, is foreign, or is of a later version.
    """
    path = Path(path)
    fields = _header_fields(path)
    return EpisodeHeader(task=fields["task"], specification=fields["specification"], metadata=fields["metadata"])


def _version_of(path: Path) -> int:
    return _header_fields(path)["version"]


def _header_fields(path: Path) -> Mapping[str, Any]:
    with open_file(path) as file:
        first = next(_scan(file), None)
    if first is None or first.record is None or first.record.kind != "header":
        raise EpisodeFileError(f"{path} is cut within its header; nothing in it can be read")
    fields = first.record.fields
    version, task = fields.get("version"), fields.get("task")
    tables = [fields.get(name) for name in ("specification", "metadata")]
    if not isinstance(version, int) or not isinstance(task, str) or not all(isinstance(one, dict) for one in tables):
        raise EpisodeFileError(f"{path} has a header that does not say what it holds; nothing in it can be read")
    if version > _FORMAT_VERSION:
        raise EpisodeFileError(f"{path} has format {version}; this version reads up to {_FORMAT_VERSION}")
    return fields


def read_episodes(path: Path | str) -> list[Episode]:
    """Reads every whole episode of a file, in the order written.

    Warns with `EpisodeFileWarning` about a torn tail (how many bytes were dropped) and about damaged episodes.

    Raises:
        EpisodeFileError: The file cannot be read, is foreign, or is of a later version.
    """
    return list(iterate_episodes(path))


def iterate_episodes(path: Path | str) -> Iterator[Episode]:
    """Reads like `read_episodes`, with one episode in memory at a time."""
    for _, episode in placed_episodes(Path(path)):
        yield episode


def read_episode_at(path: Path, start: int, *, images: bool = True) -> Episode:
    """Reads the episode whose record begins somewhere, as `placed_episodes` said.

    Args:
        path: The file.
        start: Where, bytes from its start.
        images: Whether to unpack pictures; without, they are missing among its observations.

    Raises:
        EpisodeFileError: The file was changed meanwhile.
    """
    with open_file(path) as file:
        file.seek(start)
        head = RecordHead.parse(file.read(HEAD_BYTES))
        record = None if head is None else decode_record(head, file.read(head.length), _leaver(images=images))
    episode = None if record is None or record.kind != "episode" else _episode(record)
    if episode is None:
        raise EpisodeFileError(f"{path} was changed by another process; open it anew")
    return episode


def _leaver(*, images: bool) -> Callable[[str, Sequence[int]], bool] | None:
    """Returns which arrays stay packed: none, or pictures and stacks of them."""
    return None if images else is_pictures


def placed_episodes(path: Path, *, images: bool = True) -> Iterator[tuple[int, Episode]]:
    """Reads each whole episode, and where its record begins; warns about the others."""
    read_header(path)
    count, end = 0, len(MAGIC)
    with open_file(path) as file:
        for number, scanned in enumerate(_scan(file, images=images)):
            start, end = end, scanned.end
            is_other = scanned.record is not None and scanned.record.kind != "episode"
            episode = None if scanned.record is None or is_other else _episode(scanned.record)
            if episode is not None:
                count += 1
                yield start, episode
            elif not is_other:
                warnings.warn(f"{path}: episode {number} is damaged and was left out", EpisodeFileWarning, stacklevel=4)
        dropped = file.seek(0, os.SEEK_END) - end
    if dropped > 0:
        warnings.warn(
            f"{path} ends within an episode: its last {dropped} bytes were dropped, {count} episodes read",
            EpisodeFileWarning,
            stacklevel=4,
        )


@dataclass(frozen=True)
class _Scanned:
    """Holds a record of known length; `record` is None when its body is damaged."""

    end: int
    record: Record | None


def open_file(path: Path) -> BinaryIO:
    """Opens an episode file behind its magic number.

    Raises:
        EpisodeFileError: It cannot be read, or is foreign.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise EpisodeFileError(f"cannot read {path}: {error.strerror}") from None
    if file.read(len(MAGIC)) != MAGIC:
        file.close()
        raise EpisodeFileError(f"{path} is not an episode file of this project")
    return file


def _scan(file: BinaryIO, *, images: bool = True) -> Iterator[_Scanned]:
    """Yields records until the first that is torn."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(len(MAGIC))
    while (head := RecordHead.parse(file.read(HEAD_BYTES))) is not None:
        end = file.tell() + head.length
        if end > size:
            return
        yield _Scanned(end, decode_record(head, file.read(head.length), _leaver(images=images)))


def _group(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _episode(record: Record) -> Episode | None:
    """The episode of a record; None where it holds another number of steps, other types, or less than one needs."""
    arrays, fields = record.arrays, record.fields
    try:
        has_kinds = all(arrays[name].ndim == dimensions for name, dimensions in _ARRAYS.items())
        has_kinds = has_kinds and arrays["interventions"].dtype == bool and isinstance(fields["metadata"], dict)
        if not has_kinds or not all(isinstance(fields[name], bool) for name in _FLAGS):
            return None
        return Episode(
            observations=_group(arrays, OBSERVATIONS),
            metadata=fields["metadata"],
            grasp_penalties=arrays.get("grasp_penalties"),
            control_rate_hz=fields.get("control_rate_hz"),
            **{group: _group(arrays, f"{group}/") for group in _OPTIONAL_GROUPS},
            **{name: arrays[name] for name in _ARRAYS},
            **{name: fields[name] for name in _FLAGS},
        )
    except (KeyError, TypeError, ValueError):
        return None
