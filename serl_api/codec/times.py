"""Converts durations and wall-clock times between numbers and messages."""

import math

from google.protobuf import duration_pb2, timestamp_pb2


def encode_duration(seconds: float) -> duration_pb2.Duration:
    """Converts seconds, rounded to 1 ns.

    Raises:
        ValueError: It is not finite.
    """
    if not math.isfinite(seconds):
        raise ValueError(f"a duration of {seconds} s cannot be sent; it must be finite")
    message = duration_pb2.Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def decode_duration(message: duration_pb2.Duration) -> float:
    """Converts to seconds."""
    return message.seconds + message.nanos * 1e-9


def write_wall_time(message: timestamp_pb2.Timestamp, wall_ns: int) -> None:
    """Fills in nanoseconds since the Unix epoch."""
    message.seconds, message.nanos = divmod(wall_ns, 1_000_000_000)


def encode_wall_time(wall_ns: int) -> timestamp_pb2.Timestamp:
    """Converts nanoseconds since the Unix epoch."""
    message = timestamp_pb2.Timestamp()
    write_wall_time(message, wall_ns)
    return message


def decode_timestamp(message: timestamp_pb2.Timestamp) -> float:
    """Converts to seconds since the Unix epoch."""
    return message.seconds + message.nanos * 1e-9
