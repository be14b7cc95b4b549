"""Stores rows once in a ring, and samples transitions uniformly.

Every row knows its neighbours of the same actor and episode, so rows of several actors may interleave. A row with a
successor is a transition.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.batch import Places, TransitionBatch, empty_batch, place_rows
from serl_rl.replay.columns import SAMPLED
from serl_rl.replay.errors import EmptyReplayError, InvalidRowsError, RowGapError
from serl_rl.replay.row_links import RowLinks
from serl_rl.replay.rows import COLUMNS, RowBatch, RowKind
from serl_rl.replay.storage import RowStorage

_NO_ROW = -1


@dataclass(frozen=True)
class Draw:
    """Holds transitions that were drawn but not copied yet."""

    numbers: np.ndarray
    """Absolute number of each row. Shape (N,)."""
    slots: np.ndarray
    """Where the row and those before it lie, oldest first. Shape (F, N) for stacks of F frames."""
    next_slots: np.ndarray
    """The same for the row after it. Shape (F, N)."""


class ReplayBuffer:
    """Keeps the newest rows and samples transitions from them.

    A transition is a row that is not final and whose actor's next row belongs to the same episode with the next step
    index: a gap is the border of an episode, and the next observation of an ended episode is its own final row.

    Safe from any thread. Rows that `append` returned from are never lost by killing the process when a directory is
    given.

    Args:
        spec: What a row holds.
        capacity: Largest number of rows kept (a transition needs one, an episode's end one more); the oldest go first.
        directory: Where the rows are kept or already are; None keeps them in memory only.
        frame_stack: How many images of each camera a transition has, oldest first: those of the row and of the rows
            before it. Images before an episode's first row, or before a gap, are that row's own once more. Where older
            rows were overwritten, the first transitions that would need them are no longer drawn.

    Raises:
        ReplayFilesError: The directory holds a replay of another spec or capacity, is corrupt, or is in use.
        ReplayStorageError: The disk is full.
    """

    def __init__(
        self, spec: EnvironmentSpec, capacity: int, directory: Path | None = None, *, frame_stack: int = 1
    ) -> None:
        if capacity < 2:
            raise ValueError(f"capacity {capacity} is too small; a transition needs two rows")
        if frame_stack < 1:
            raise ValueError(f"frame_stack is {frame_stack}; it must be at least 1")
        self.spec = spec
        self.capacity = capacity
        self.directory = directory
        self._storage = RowStorage(spec, capacity, directory)
        self._lock = threading.Lock()
        self.frame_stack = frame_stack
        self._links = RowLinks(capacity, frame_stack)
        self._interventions = np.empty(0, np.int64)  # Numbers of transitions whose action a person chose, ascending.
        self._actors = {name: index for index, name in enumerate(self._storage.actor_names())}
        self._tails: dict[int, int] = {}
        self._recover()

    @property
    def row_count(self) -> int:
        """Returns the number of rows kept."""
        with self._lock:
            return self._storage.end - self._storage.begin

    @property
    def transition_count(self) -> int:
        """Returns the number of transitions that can be sampled."""
        with self._lock:
            return self._links.transition_count

    @property
    def intervention_count(self) -> int:
        """Returns the number of transitions that can be sampled whose action a person chose."""
        with self._lock:
            return len(self._interventions)

    @property
    def environment_step_count(self) -> int:
        """Returns the number of steps ever appended, overwritten ones included; final rows are no steps."""
        with self._lock:
            return self._step_total()

    def acknowledged(self, actor_id: str) -> int:
        """Returns the highest sequence number that the replay holds of an actor; 0 for none."""
        with self._lock:
            index = self._actors.get(actor_id)
            return 0 if index is None else int(self._storage.acknowledged[index])

    def append(self, rows: RowBatch) -> int:
        """Stores rows; those with a sequence number that is already held are dropped.

        Returns:
            The highest sequence number that the replay now holds of the actor.

        Raises:
            InvalidRowsError: The rows do not fit the spec, or go on with an episode that has ended.
            RowGapError: Rows are missing before the first one.
            ReplayStorageError: The disk is full.
        """
        rows.check(self.spec)
        if len(rows) > self.capacity:
            raise InvalidRowsError(
                "batch", f"{len(rows)} rows exceed the capacity of {self.capacity}; send fewer at once"
            )
        with self._lock:
            actor = self._actors.get(rows.actor_id)
            known = 0 if actor is None else int(self._storage.acknowledged[actor])
            fresh = _drop_known(rows, known)
            if len(fresh):
                actor = self._add_actor(rows.actor_id) if actor is None else actor
                self._append_fresh(fresh, actor, known + 1)
            return known + len(fresh)

    def sample(self, count: int, rng: np.random.Generator, *, only_interventions: bool = False) -> TransitionBatch:
        """Draws transitions uniformly, with replacement.

        The copy is made outside the lock, so that appending never waits for it.

        Args:
            count: Number of transitions.
            rng: Source of the draw.
            only_interventions: Whether to draw only transitions whose action a person chose.

        Raises:
            EmptyReplayError: There is no such transition yet.
        """
        batch = empty_batch(self.layout, self.spec.action_size, count)
        self.sample_into(batch, (slice(0, count),), rng, only_interventions=only_interventions)
        return batch

    @property
    def layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Returns shape and type of one transition's observation, by name."""
        return {
            array.name: ((self.frame_stack, *array.shape) if self._is_stacked(array) else array.shape, array.dtype)
            for array in self.spec.observation
        }

    def sample_into(
        self, batch: TransitionBatch, places: Places, rng: np.random.Generator, *, only_interventions: bool = False
    ) -> None:
        """Draws as `sample` does, into a part of a batch; images are copied once.

        Args:
            batch: Arrays of this buffer's layout.
            places: Where the transitions go, in order.
            rng: Source of the draw.
            only_interventions: Whether to draw only transitions whose action a person chose.

        Raises:
            EmptyReplayError: There is no such transition yet.
        """
        count = sum(place.stop - place.start for place in places)
        while True:
            draw = self.draw(count, rng, only_interventions=only_interventions)
            self.copy_scalars(draw, batch, places)
            self.copy_observations(draw, batch, places, [array.name for array in self.spec.observation])
            if self.is_kept(draw):
                return

    def draw(
        self, count: int, rng: np.random.Generator, *, only_interventions: bool = False, before: int | None = None
    ) -> Draw:
        """Draws transitions without copying them.

        Args:
            count: Number of transitions.
            rng: Source of the draw.
            only_interventions: Whether to draw only transitions whose action a person chose.
            before: Number that the row and its successor must be below; None for any.

        Raises:
            EmptyReplayError: There is no such transition yet.
        """
        with self._lock:
            numbers = (
                self._draw_interventions(count, rng, before) if only_interventions else self._draw(count, rng, before)
            )
            slots = self._links.stacks(numbers % self.capacity)
            return Draw(numbers, slots, np.concatenate([slots[1:], self._links.successors[slots[-1:]]]))

    def is_kept(self, draw: Draw) -> bool:
        """Returns whether no drawn row was given up since; what was copied of one that was may be torn."""
        with self._lock:
            if not len(draw.numbers):
                return True
            is_kept = int(draw.numbers.min()) >= self._storage.begin
            return is_kept and bool(self._links.has_whole_stack(draw.slots[-1]).all())

    def copy_scalars(self, draw: Draw, batch: TransitionBatch, places: Places) -> None:
        """Copies everything of drawn transitions but the observations."""
        columns, slots = self._storage.columns, draw.slots[-1]
        for entry in SAMPLED:
            place_rows(getattr(batch, entry.name), columns[entry.name], slots, places)
        terminated = columns["row_kinds"].take(slots) == RowKind.TERMINATED
        place_rows(batch.terminated, terminated, np.arange(len(slots)), places)

    def copy_observations(self, draw: Draw, batch: TransitionBatch, places: Places, names: Sequence[str]) -> None:
        """Copies some arrays of the observations of drawn transitions."""
        for name in names:
            column = self._storage.columns[f"observations.{name}"]
            array = next(array for array in self.spec.observation if array.name == name)
            for part, slots in (
                (batch.observations[name], draw.slots),
                (batch.next_observations[name], draw.next_slots),
            ):
                if self._is_stacked(array):
                    for index in range(self.frame_stack):
                        place_rows(part[:, index], column, slots[index], places)
                else:
                    place_rows(part, column, slots[-1], places)

    def window(self) -> tuple[int, int]:
        """Returns the number of the oldest row that is kept, and of the next row to come."""
        with self._lock:
            return self._storage.begin, self._storage.end

    def frames(self, numbers: np.ndarray, name: str) -> np.ndarray:
        """Copies one array of the observation of rows by number; rows that are overwritten meanwhile may be torn."""
        return self._storage.columns[f"observations.{name}"].take(numbers % self.capacity, axis=0)

    def episodes(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the identifier of the episode of rows by number. Shape (N,)."""
        return self._storage.columns["episode_ids"][numbers % self.capacity]

    def close(self) -> None:
        """Releases the directory. The buffer must not be used afterwards. Safe to call twice."""
        with self._lock:
            self._storage.close()

    def _step_total(self) -> int:
        end = self._storage.end
        return int(self._storage.columns["step_totals"][(end - 1) % self.capacity]) if end else 0

    def _add_actor(self, actor_id: str) -> int:
        self._actors[actor_id] = index = self._storage.add_actor(actor_id)
        return index

    def _append_fresh(self, rows: RowBatch, actor: int, sequence_number: int) -> None:
        begin, end = self._storage.begin, self._storage.end
        tail = self._tails.get(actor, _NO_ROW)
        self._check_continues(rows, tail if tail >= begin else _NO_ROW)
        new_end = end + len(rows)
        numbers = np.arange(end, new_end)
        columns = self._columns(rows, actor, sequence_number)
        self._storage.reserve(new_end)
        self._release(begin, max(begin, new_end - self.capacity))
        self._storage.write(numbers, columns)
        self._storage.commit(new_end)
        self._storage.acknowledged[actor] = sequence_number + len(rows) - 1
        if tail >= self._storage.begin:
            numbers = np.concatenate([[tail], numbers])
        else:
            self._begin_chain(end)
        self._link(numbers)
        self._tails[actor] = new_end - 1

    def _columns(self, rows: RowBatch, actor: int, sequence_number: int) -> dict[str, np.ndarray]:
        count = len(rows)
        return {
            **{f"observations.{name}": array for name, array in rows.observations.items()},
            **{entry.name: getattr(rows, entry.name) for entry in COLUMNS},
            "actors": np.full(count, actor, np.int32),
            "sequence_numbers": np.arange(sequence_number, sequence_number + count),
            "step_totals": self._step_total() + np.cumsum(rows.row_kinds != RowKind.FINAL),
        }

    def _release(self, begin: int, new_begin: int) -> None:
        slots = np.arange(begin, new_begin) % self.capacity
        self._storage.release(new_begin)
        self._links.release(slots)
        self._interventions = self._interventions[np.searchsorted(self._interventions, new_begin) :]
        if self.frame_stack > 1:
            self._interventions = self._interventions[self._links.is_transition[self._interventions % self.capacity]]

    def _check_continues(self, rows: RowBatch, tail: int) -> None:
        """Refuses rows that go on with an episode after its end."""
        if tail == _NO_ROW:
            return
        columns, slot = self._storage.columns, tail % self.capacity
        kind = RowKind(int(columns["row_kinds"][slot]))
        finishes = kind != RowKind.FINAL and rows.row_kinds[0] == RowKind.FINAL
        if kind != RowKind.STEP and not finishes and columns["episode_ids"][slot] == rows.episode_ids[0]:
            episode = rows.episode_ids[0]
            raise InvalidRowsError("row_kinds", f"episode {episode} goes on after a row of kind {kind.name}")

    def _link(self, chain: np.ndarray) -> None:
        """Links consecutive rows of one actor where the second goes on with the first one's episode."""
        columns, slots = self._storage.columns, chain % self.capacity
        first, second = slots[:-1], slots[1:]
        follows = columns["episode_ids"][first] == columns["episode_ids"][second]
        follows &= columns["step_indices"][first] + 1 == columns["step_indices"][second]
        follows &= columns["row_kinds"][first] != RowKind.FINAL
        is_new = self._links.link(slots, follows)
        fresh = chain[:-1][is_new & columns["interventions"][first]]
        if len(fresh):
            self._interventions = np.sort(np.concatenate([self._interventions, fresh]))

    def _begin_chain(self, number: int) -> None:
        """Notes whether an actor's oldest row may have had rows before it; only stacks of frames depend on it."""
        slot = number % self.capacity
        if self._storage.begin and self._storage.columns["step_indices"][slot] > 0:
            self._links.begin_without_past(slot)

    def _is_stacked(self, array: ArraySpec) -> bool:
        return self.frame_stack > 1 and not array.is_vector

    def _recover(self) -> None:
        """Rebuilds links and actors from the committed rows."""
        storage = self._storage
        numbers = np.arange(storage.begin, storage.end)
        actors = storage.columns["actors"][numbers % self.capacity]
        for actor in np.unique(actors).tolist():
            chain = numbers[actors == actor]
            self._begin_chain(int(chain[0]))
            self._link(chain)
            self._tails[actor] = tail = int(chain[-1])
            held = int(storage.columns["sequence_numbers"][tail % self.capacity])
            # The row may have been committed by a process that was killed before it noted the number.
            storage.acknowledged[actor] = max(held, int(storage.acknowledged[actor]))

    def _draw(self, count: int, rng: np.random.Generator, before: int | None) -> np.ndarray:
        """Draws rows uniformly and rejects those that are no transition; a function of `rng` and the rows alone."""
        begin, end = self._storage.begin, self._storage.end
        if not self._links.transition_count:
            raise EmptyReplayError(f"the replay holds {end - begin} rows but no transition; wait for more steps")
        ratio = self._links.transition_count / (end - begin)
        if ratio < 0.25 or (before is not None and before < end):
            return rng.choice(self._nonempty(self._drawable(np.arange(begin, end), before)), count)
        found = np.empty(0, np.int64)
        while len(found) < count:
            drawn = rng.integers(begin, end, int(1.1 * (count - len(found)) / ratio) + 8)
            found = np.concatenate([found, self._drawable(drawn, before)])
        return found[:count]

    def _draw_interventions(self, count: int, rng: np.random.Generator, before: int | None) -> np.ndarray:
        numbers = self._drawable(self._interventions, before)
        if not len(numbers):
            raise EmptyReplayError("the replay holds no transition whose action a person chose")
        return rng.choice(numbers, count)

    def _drawable(self, numbers: np.ndarray, before: int | None) -> np.ndarray:
        """Returns those of some rows that may be drawn."""
        slots = numbers % self.capacity
        allowed = self._links.is_transition[slots]
        if before is not None:
            last = self._storage.end - 1
            following = last - (last - self._links.successors[slots]) % self.capacity
            allowed &= (numbers < before) & (following < before)
        return numbers[allowed]

    def _nonempty(self, numbers: np.ndarray) -> np.ndarray:
        if not len(numbers):
            raise EmptyReplayError("the replay holds no transition whose rows are ready; wait for more steps")
        return numbers


def _drop_known(rows: RowBatch, known: int) -> RowBatch:
    """Returns the rows after number `known`, which may be none."""
    if rows.first_sequence_number is None:
        return rows
    if rows.first_sequence_number > known + 1:
        raise RowGapError(rows.actor_id, known + 1, rows.first_sequence_number)
    return rows[known + 1 - rows.first_sequence_number :]
