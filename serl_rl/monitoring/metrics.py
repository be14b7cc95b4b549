"""Writes the metrics of a run to CSV and TensorBoard row by row, flushed as written."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

log = logging.getLogger(__name__)

FILE_NAME = "metrics.csv"
_NOTHING = math.nan


@dataclass(frozen=True, kw_only=True)
class MetricsRow:
    """Holds the metrics of a run at one time; NaN where there is no value."""

    wall_time_s: float
    """Seconds since the learner began to accept actors, restarts included."""
    env_steps: int
    """Environment steps in the replay, demonstrations not counted."""
    critic_updates: int
    """Critic updates so far."""
    policy_updates: int
    """Policy updates so far."""
    episodes: int = 0
    """Training episodes reported since the learner started."""
    success: float = _NOTHING
    """Share of the latest 20 training episodes in which the task was done, in [0, 1]."""
    episode_return: float = _NOTHING
    """Mean sum of rewards over the latest 20 training episodes."""
    episode_steps: float = _NOTHING
    """Mean number of steps over the latest 20 training episodes."""
    intervention_ratio: float = _NOTHING
    """Share of steps chosen by a person over the latest 20 training episodes."""
    critic_loss: float = _NOTHING
    """Mean squared Bellman error."""
    q_mean: float = _NOTHING
    """Mean Q-value of the batch."""
    entropy: float = _NOTHING
    """Entropy of the policy, in nat."""
    temperature: float = _NOTHING
    """Entropy coefficient."""
    vice_loss: float = _NOTHING
    """Loss of the classifier that gives the reward, where the reward is learned."""
    vice_reward: float = _NOTHING
    """Mean reward that it gives the policy's own steps in the batch."""
    update_to_data_ratio: float = _NOTHING
    """Critic updates for each environment step since the warm-up."""
    staleness_updates: float = _NOTHING
    """Policy updates between the newest policy and the one of the latest training episode."""
    lag_steps: float = _NOTHING
    """Environment steps whose updates are still to be done."""
    env_steps_per_s: float = _NOTHING
    """Environment steps a second since the row before."""
    critic_updates_per_s: float = _NOTHING
    """Critic updates a second since the row before."""
    evaluation_success: float = _NOTHING
    """Success rate of a deterministic evaluation that came since the row before, in [0, 1]."""
    evaluation_episodes: int = 0
    """Episodes of that evaluation; 0 when there was none."""
    evaluation_return: float = _NOTHING
    """Mean sum of rewards of that evaluation."""
    live_actors: int = 0
    """Actors heard of within the last ten seconds."""
    more: Mapping[str, float] = field(default_factory=dict)
    """Figures that only the run's algorithm has, by name; columns of their own."""

    def figures(self) -> dict[str, float]:
        """Returns every figure by the name of its column."""
        return {name: getattr(self, name) for name in COLUMNS} | dict(self.more)


COLUMNS = tuple(field.name for field in dataclasses.fields(MetricsRow) if field.name != "more")
"""Columns of every run."""


class MetricsWriter:
    """Appends rows to `metrics.csv` and to TensorBoard. Used from one thread.

    A header stands before the rows that it names; a run that goes on with other columns gets a second one. Rows that a
    full or read-only disk refuses are lost, which is said once: training is worth more than its curves.

    Args:
        directory: Folder of the run.
        metrics: Figures that the algorithm has; those that are no column of every run become further ones.
        tensorboard: Whether to write TensorBoard files as well, into `tensorboard/`.
    """

    def __init__(self, directory: Path, metrics: tuple[str, ...] = (), *, tensorboard: bool = True) -> None:
        self._directory = directory
        self._path = directory / FILE_NAME
        self._names = COLUMNS + tuple(name for name in metrics if name not in COLUMNS)
        self._wants_board = tensorboard
        self._board: SummaryWriter | None = None
        self._is_begun = False
        self._is_refused = False

    def write(self, row: MetricsRow) -> None:
        """Writes one row and flushes."""
        values = row.figures()
        cells = [[_text(values.get(name, _NOTHING)) for name in self._names]]
        try:
            is_begun = self._is_begun or _header_of(self._path) == self._names
            append_whole(self._path, _csv_of(cells if is_begun else [list(self._names), *cells]))
            self._is_begun = True
            if self._wants_board:
                self._write_to_board(row.env_steps, values)
        except OSError as error:
            if not self._is_refused:
                reason = error.strerror or str(error)
                log.warning("metrics cannot be written in %s (%s); training goes on", self._directory, reason)
            self._is_refused = True
        else:
            if self._is_refused:
                log.info("metrics are written in %s again", self._directory)
            self._is_refused = False

    def _write_to_board(self, env_steps: int, values: Mapping[str, float]) -> None:
        if self._board is None:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._board = SummaryWriter(str(self._directory / "tensorboard"))
        try:
            for name, value in values.items():
                if name != "env_steps" and not math.isnan(value):
                    self._board.add_scalar(name, value, env_steps)
            self._board.flush()
        except OSError:
            self._wants_board = False  # Its thread has ended, and would make whoever flushes or closes wait for ever.
            self._board = None
            raise

    def close(self) -> None:
        """Closes the files."""
        if self._board is not None:
            with contextlib.suppress(OSError):
                self._board.close()


def append_whole(path: Path, data: bytes) -> None:
    """Appends to a file, all or nothing.

    Raises:
        OSError: The disk is full or may not be written; the file is as it was.
    """
    with path.open("ab", buffering=0) as file:  # What is refused must not be tried again on close.
        end = os.fstat(file.fileno()).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(end)
            raise


def _csv_of(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


class MetricsTail:
    """Reads the rows that a running learner adds to its `metrics.csv`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._offset = 0
        self._names = COLUMNS
        self.unreadable = 0
        """Lines so far that are no row."""

    def read_new(self) -> list[MetricsRow]:
        """Reads the rows that are complete and were not read yet."""
        if not self._path.is_file():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = whole.decode(errors="replace").replace("\0", "").splitlines()
        return [row for values in csv.reader(lines) if (row := self._row_of(values)) is not None]

    def _row_of(self, values: list[str]) -> MetricsRow | None:
        """Reads a row; None of a header, and of what a crash or an editor made unreadable, which is counted."""
        if values[:1] == [COLUMNS[0]]:
            self._names = tuple(values)
            return None
        try:
            known = dict(zip(self._names, values, strict=True))
            more = {name: _number(name, text) for name, text in known.items() if name not in COLUMNS}
            return MetricsRow(**{name: _number(name, known.get(name, "")) for name in COLUMNS}, more=more)
        except ValueError:
            self.unreadable += 1
            return None


def read_metrics(directory: Path) -> list[MetricsRow]:
    """Reads all rows of a run; empty when it has none."""
    return MetricsTail(directory).read_new()


def _header_of(path: Path) -> tuple[str, ...]:
    """Reads the columns of the newest rows of a file; none where it has none."""
    if not path.exists():
        return ()
    with path.open(newline="") as file:
        headers = [tuple(values) for values in csv.reader(file) if values[:1] == [COLUMNS[0]]]
    return headers[-1] if headers else ()


_COUNTS = frozenset({"env_steps", "critic_updates", "policy_updates", "episodes", "evaluation_episodes", "live_actors"})


def _number(name: str, text: str) -> Any:  # noqa: ANN401
    if name in _COUNTS:
        return int(text or 0)
    return float(text) if text else _NOTHING


def _text(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
