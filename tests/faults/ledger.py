"""Compares a replay with the independent log of what its actor made and was told."""

import json
from dataclasses import dataclass

import numpy as np

from serl_rl.actor.rows import pack_rows, row_type
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import COLUMNS, rows_from_proto
from tests.faults.logged_actor import ACKNOWLEDGEMENTS, NUMBER_AT_TIME, ROW_NUMBERS, ROWS


@dataclass(frozen=True)
class Comparison:
    """What the replay of an actor came to."""

    acknowledged: int
    """Rows that the actor was told are safe."""
    lost: int
    """Of those, how many are not there, or not as they were made."""
    doubled: int
    """Rows that are there more than once."""


class Ledger:
    """The log of one actor, which also tells when acknowledgements came.

    Args:
        folder: Of the log.
    """

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def acknowledgements(self):
        """All of them, in order; a last one that is cut is left out."""
        return self._numbers(ACKNOWLEDGEMENTS)

    def acknowledged(self):
        """The highest number that was acknowledged."""
        return int(self.acknowledgements()["number"].max(initial=0))

    def made(self):
        """The highest number that a row was given."""
        return int(self._numbers(ROW_NUMBERS)["number"].max(initial=0))

    def _numbers(self, name):
        path = self.folder / name
        data = path.read_bytes() if path.exists() else b""
        return np.frombuffer(data[: len(data) // NUMBER_AT_TIME.itemsize * NUMBER_AT_TIME.itemsize], NUMBER_AT_TIME)

    def compare(self, directory, actor_id="a"):
        """Opens the replay of a run that has ended, and compares it byte by byte."""
        layout = json.loads((directory / "layout.json").read_text())
        spec = EnvironmentSpec.from_dict(layout["spec"])
        replay = ReplayBuffer(spec, layout["capacity"], directory)
        storage = replay._storage
        end, acknowledged = storage.end, self.acknowledged()
        assert not storage.begin, "the replay has overwritten rows; give it a larger capacity"
        assert storage.actor_names() == [actor_id]
        numbers = storage.columns["sequence_numbers"][:end].copy()
        stored = {name: storage.columns[name][:end].copy() for name in storage.columns}
        replay.close()
        kept, first = np.unique(numbers, return_index=True)
        made = self._made(spec, kept)
        differing = np.zeros(len(kept), bool)
        for name, values in made.items():
            same = stored[name][first] == values
            differing |= ~same.reshape(len(kept), -1).all(1)
        is_safe = kept <= acknowledged
        lost = acknowledged - int(is_safe.sum()) + int((differing & is_safe).sum())
        return Comparison(acknowledged, lost, len(numbers) - len(kept))

    def _made(self, spec, numbers):
        """What the actor noted of some rows, as columns of the replay."""
        dtype = np.dtype([("number", "<i8"), ("row", row_type(spec))])
        data = (self.folder / ROWS).read_bytes()
        entries = np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)
        newest = np.full(int(entries["number"].max(initial=0)) + 1, -1)
        newest[entries["number"]] = np.arange(len(entries))  # Of several under one number the last one holds.
        rows = entries["row"][newest[numbers]]
        batch = rows_from_proto(pack_rows(rows, spec), spec)
        columns = {f"observations.{name}": array for name, array in batch.observations.items()}
        return columns | {entry.name: getattr(batch, entry.name) for entry in COLUMNS}
