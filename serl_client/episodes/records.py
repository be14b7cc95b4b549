"""Encodes records of an episode file as bytes: a checked head, a JSON manifest, and arrays."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def encode_record(record: Record) -> bytes:
    """Encodes a record as head and body.

    Raises:
        ValueError: An array holds something else than booleans, integers or floats.
    """
    entries, blobs = [], []
    for name, array in record.arrays.items():
        plain = np.asarray(array)
        if plain.dtype.kind not in _PLAIN_KINDS:
            raise ValueError(f"array {name} has type {plain.dtype}; only booleans, integers and floats can be stored")
        little = np.ascontiguousarray(plain, plain.dtype.newbyteorder("<"))
        raw = little.tobytes()
        packed = zlib.compress(raw, 1) if len(raw) >= _COMPRESS_FROM_BYTES else raw
        is_packed = len(packed) < len(raw)
        blobs.append(packed if is_packed else raw)
        entries.append(
            {
                "name": name,
                "type": little.dtype.str,
                "shape": list(plain.shape),
                "bytes": len(blobs[-1]),
                "is_packed": is_packed,
            }
        )
    manifest = json.dumps({"kind": record.kind, "fields": record.fields, "arrays": entries}).encode()
    body = b"".join((_LENGTH.pack(len(manifest)), manifest, *blobs))
    return RecordHead(len(body), zlib.crc32(body)).pack() + body


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
    if not isinstance(manifest["kind"], str) or not isinstance(manifest["fields"], dict):
        raise TypeError("a record needs a kind and fields")
    return Record(kind=manifest["kind"], fields=manifest["fields"], arrays=arrays)


def _decode_array(entry: Mapping[str, Any], blob: bytes) -> NDArray[Any]:
    dtype = np.dtype(entry["type"])
    shape = tuple(entry["shape"])
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in _PLAIN_KINDS or min(shape, default=0) < 0 or size > _LARGEST_ARRAY_BYTES:
        raise ValueError(f"no array has type {dtype} and shape {shape}")
    # One byte more than there should be betrays a blob that would go on and on.
    raw = zlib.decompressobj().decompress(blob, size + 1) if entry["is_packed"] else blob
    return np.frombuffer(raw, dtype).reshape(shape).astype(dtype.newbyteorder("="))
