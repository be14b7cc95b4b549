"""Encodes records of an episode file as bytes: a checked head, a JSON manifest, and arrays.

Pictures are packed one by one, on all cores, so that a reader can unpack a single one.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = b"SERL-EPISODES\x00\r\n"
"""Starts a file. The line ending betrays a transfer in text mode."""

_RECORD_MAGIC = b"RECD"
_HEAD = struct.Struct("<4sQI")
_CHECK = struct.Struct("<I")
_LENGTH = struct.Struct("<I")
HEAD_BYTES = _HEAD.size + _CHECK.size
_COMPRESS_FROM_BYTES = 4096
_COMPRESS_UP_TO_BYTES = 1 << 28
"""Size of an episode from which its pictures stay as they are: who records does not wait a minute for the next one."""
_PLAIN_KINDS = "biuf"
_LARGEST_ARRAY_BYTES = 1 << 36


@dataclass(frozen=True, kw_only=True)
class Record:
    """Holds the content of one record."""

    kind: str
    """"header" or "episode"."""
    fields: Mapping[str, Any]
    """JSON values."""
    arrays: Mapping[str, NDArray[Any]]
    """By name; booleans, integers and floats only."""


@dataclass(frozen=True)
class RecordHead:
    """Holds the fixed-size start of a record, with a checksum of its own, so that a length can be trusted."""

    length: int
    """Bytes of the body."""
    checksum: int
    """CRC-32 of the body."""

    def pack(self) -> bytes:
        """Packs it as bytes."""
        head = _HEAD.pack(_RECORD_MAGIC, self.length, self.checksum)
        return head + _CHECK.pack(zlib.crc32(head))

    @classmethod
    def parse(cls, data: bytes) -> RecordHead | None:
        """Reads it from bytes; None when they are too few or damaged."""
        if len(data) != HEAD_BYTES:
            return None
        magic, length, checksum = _HEAD.unpack_from(data)
        (check,) = _CHECK.unpack_from(data, _HEAD.size)
        if magic != _RECORD_MAGIC or check != zlib.crc32(data[: _HEAD.size]):
            return None
        return cls(length, checksum)


@dataclass(frozen=True)
class PackedRows:
    """Says where the rows of an array lie in a file."""

    offsets: Sequence[int]
    """Where each begins, and where the last one ends, bytes from the start of the file."""
    dtype: np.dtype[Any]
    """Type of the array."""
    shape: tuple[int, ...]
    """Shape of a row."""

    def read(self, file: BinaryIO, index: int) -> NDArray[Any]:
        """Reads one row.

        Raises:
            ValueError: It is damaged.
        """
        file.seek(self.offsets[index])
        blob = file.read(self.offsets[index + 1] - self.offsets[index])
        try:
            return _decode_row(blob, self.dtype, self.shape).copy()
        except zlib.error as error:
            raise ValueError(str(error)) from None


def encode_record(record: Record, *, packs_rows: bool = True) -> bytes:
    """Encodes a record as head and body; arguments and errors as of `encode_parts`."""
    return b"".join(encode_parts(record, packs_rows=packs_rows))


def encode_parts(record: Record, *, packs_rows: bool = True) -> list[bytes | memoryview]:
    """Encodes a record as parts that make it up one after the other; what is not compressed is not copied either.

    Args:
        record: What to encode.
        packs_rows: Whether each picture is packed by itself, which the first format of files does not know.

    Raises:
        ValueError: An array holds something else than booleans, integers or floats.
    """
    entries: list[dict[str, Any]] = []
    blobs: list[bytes | memoryview] = []
    size = sum(np.asarray(array).nbytes for array in record.arrays.values())
    for name, array in record.arrays.items():
        plain = np.asarray(array)
        if plain.dtype.kind not in _PLAIN_KINDS:
            raise ValueError(f"array {name} has type {plain.dtype}; only booleans, integers and floats can be stored")
        little = np.ascontiguousarray(plain, plain.dtype.newbyteorder("<"))
        entry: dict[str, Any] = {"name": name, "type": little.dtype.str, "shape": list(plain.shape)}
        if packs_rows and is_pictures(little.dtype.str, little.shape) and little.size:
            rows = _rows(little, is_compressed=size <= _COMPRESS_UP_TO_BYTES)
            blobs += rows
            entry |= {"bytes": sum(map(len, rows)), "rows": [len(row) for row in rows]}
        else:
            raw = little.tobytes()
            blobs.append(_packed(raw))
            entry |= {"bytes": len(blobs[-1]), "is_packed": len(blobs[-1]) < len(raw)}
        entries.append(entry)
    manifest = json.dumps({"kind": record.kind, "fields": record.fields, "arrays": entries}).encode()
    body = [_LENGTH.pack(len(manifest)), manifest, *blobs]
    checksum = 0
    for part in body:
        checksum = zlib.crc32(part, checksum)
    return [RecordHead(sum(map(len, body)), checksum).pack(), *body]


def _rows(pictures: NDArray[Any], *, is_compressed: bool) -> Sequence[bytes | memoryview]:
    """Returns the bytes of each picture."""
    if not is_compressed:
        flat = pictures.reshape(-1).data
        size = pictures[0].size
        return [flat[begin : begin + size] for begin in range(0, pictures.size, size)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # zlib holds no lock while it works.
        return list(pool.map(lambda picture: _packed(picture.tobytes()), pictures))


def is_pictures(dtype: str, shape: Sequence[int]) -> bool:
    """Whether an array of this type, such as "|u1", and shape holds pictures, or stacks of them."""
    return dtype == "|u1" and len(shape) >= 4


def find_rows(file: BinaryIO, start: int) -> dict[str, PackedRows]:
    """Finds the arrays of a record whose rows can be read by themselves, without reading the others.

    Args:
        file: The file.
        start: Where the record begins in it.

    Raises:
        ValueError: There is no sound record.
    """
    file.seek(start)
    if RecordHead.parse(file.read(HEAD_BYTES)) is None:
        raise ValueError("no record begins there")
    try:
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        manifest = json.loads(file.read(length))
        position, found = file.tell(), {}
        for entry in manifest["arrays"]:
            if "rows" in entry:
                offsets = tuple(accumulate(entry["rows"], initial=position))
                found[entry["name"]] = PackedRows(offsets, np.dtype(entry["type"]), tuple(entry["shape"][1:]))
            position += entry["bytes"]
    except (KeyError, TypeError, struct.error) as error:
        raise ValueError(str(error)) from None
    return found


def _packed(raw: bytes) -> bytes:
    """Compresses bytes where that makes them fewer."""
    packed = zlib.compress(raw, 1) if len(raw) >= _COMPRESS_FROM_BYTES else raw
    return packed if len(packed) < len(raw) else raw


def decode_record(
    head: RecordHead, body: bytes, leaves_out: Callable[[str, Sequence[int]], bool] | None = None
) -> Record | None:
    """Decodes the record of a body; None when its checksum is wrong, or what it holds is no record.

    Args:
        head: Its head.
        body: The bytes.
        leaves_out: Whether an array of this type, such as "|u1", and shape is not wanted; it costs nothing then.
    """
    if len(body) != head.length or zlib.crc32(body) != head.checksum:
        return None
    try:
        return _decode_body(body, leaves_out)
    # Whoever wrote the checksum may have written anything before it.
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, struct.error, zlib.error):
        return None


def _decode_body(body: bytes, leaves_out: Callable[[str, Sequence[int]], bool] | None) -> Record:
    (length,) = _LENGTH.unpack_from(body)
    position = _LENGTH.size + length
    manifest = json.loads(body[_LENGTH.size : position])
    arrays: dict[str, NDArray[Any]] = {}
    for entry in manifest["arrays"]:
        blob = body[position : position + entry["bytes"]]
        position += entry["bytes"]
        if leaves_out is None or not leaves_out(entry["type"], entry["shape"]):
            arrays[entry["name"]] = _decode_array(entry, blob)
    has_kinds = isinstance(manifest["kind"], str) and isinstance(manifest["fields"], dict)
    if not has_kinds or not all(isinstance(name, str) for name in arrays):
        raise TypeError("a record needs a kind, fields, and names of its arrays")
    return Record(kind=manifest["kind"], fields=manifest["fields"], arrays=arrays)


def _decode_array(entry: Mapping[str, Any], blob: bytes) -> NDArray[Any]:
    dtype = np.dtype(entry["type"])
    shape = tuple(entry["shape"])
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in _PLAIN_KINDS or min(shape, default=0) < 0 or size > _LARGEST_ARRAY_BYTES:
        raise ValueError(f"no array has type {dtype} and shape {shape}")
    if "rows" in entry:
        return _decode_rows(entry["rows"], blob, dtype, shape)
    # One byte more than there should be betrays a blob that would go on and on.
    raw = zlib.decompressobj().decompress(blob, size + 1) if entry["is_packed"] else blob
    return np.frombuffer(raw, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _decode_rows(lengths: Sequence[int], blob: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if len(lengths) != shape[0] or sum(lengths) != len(blob) or min(lengths, default=0) < 0:
        raise ValueError(f"{len(lengths)} rows of {sum(lengths)} bytes are no array of shape {shape}")
    array = np.empty(shape, dtype.newbyteorder("="))
    ends = list(accumulate(lengths))

    def decode(number: int) -> None:
        array[number] = _decode_row(blob[ends[number] - lengths[number] : ends[number]], dtype, shape[1:])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(decode, range(shape[0])))
    return array


def _decode_row(blob: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Unpacks a row; one as long as it must be was not packed."""
    size = math.prod(shape) * dtype.itemsize
    raw = blob if len(blob) == size else zlib.decompressobj().decompress(blob, size + 1)
    return np.frombuffer(raw, dtype).reshape(shape)
