"""Logs one record a cycle in a memory-mapped ring, which others read while it is written.

A file of records costs the loop a few microseconds, needs no request to be answered, and outlives the server.
"""

from pathlib import Path

import numpy as np

from serl_api.values import FloatArray

RECORD = np.dtype(
    [
        ("cycle", "<u8"),
        ("time_ns", "<i8"),
        ("lateness_ns", "<i8"),
        ("work_ns", "<i8"),
        ("robot_mode", "u1"),
        ("motion_generator_mode", "u1"),
        ("controller_mode", "u1"),
        ("has_command", "u1"),
        ("missed", "<u4"),
        ("torque", "<f8", (7,)),
        ("positions", "<f8", (7,)),
        ("velocities", "<f8", (7,)),
        ("external_torques", "<f8", (7,)),
        ("flange_position", "<f8", (3,)),
    ]
)
"""One cycle: number from 1, begin on the monotonic clock, lateness of that begin, time spent, modes as in the state,
whether a command came, commands missed since switching on, commanded torque (Nm), measured joints (rad, rad/s),
external joint torques (Nm, libfranka's sign), flange in base (m). `cycle` is written last: 0 is an empty record."""

DEFAULT_RECORDS = 120_000
"""Two minutes."""


class CycleLogWriter:
    """Writes the ring.

    Args:
        path: File to create or overwrite.
        records: Cycles that are kept.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, records: int = DEFAULT_RECORDS) -> None:
        self._ring = np.memmap(path, dtype=RECORD, mode="w+", shape=(records,))
        self._columns: dict[str, np.ndarray] = {name: np.asarray(self._ring[name]) for name in RECORD.names or ()}
        self._size = records

    def append(
        self,
        cycle: int,
        *,
        times_ns: tuple[int, int, int],
        modes: tuple[int, int, int],
        has_command: bool,
        missed: int,
        vectors: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray],
    ) -> None:
        """Writes one record; times are begin, lateness and work, vectors those of `RECORD` in order."""
        index, columns = cycle % self._size, self._columns
        columns["cycle"][index] = 0
        columns["time_ns"][index], columns["lateness_ns"][index], columns["work_ns"][index] = times_ns
        columns["robot_mode"][index], columns["motion_generator_mode"][index], columns["controller_mode"][index] = modes
        columns["has_command"][index] = has_command
        columns["missed"][index] = missed
        for name, vector in zip(_VECTORS, vectors, strict=True):
            columns[name][index] = vector
        columns["cycle"][index] = cycle


_VECTORS = ("torque", "positions", "velocities", "external_torques", "flange_position")


def read_cycle_log(path: Path) -> np.ndarray:
    """Reads the records of a log, oldest first. Shape (N,) of `RECORD`. Raises OSError without a log."""
    ring = np.fromfile(path, dtype=RECORD)
    ring = ring[ring["cycle"] > 0]
    return ring[np.argsort(ring["cycle"], kind="stable")]
