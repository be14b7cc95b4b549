"""Replay buffer: rows stored once in a ring, transitions sampled uniformly.

Every row knows the slot of its successor, the next row of the same actor and episode, so rows of several actors may
interleave. A row with a successor is a transition. Links are never stored: they follow from the rows.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from serl_rl.replay.batch import TransitionBatch
from serl_rl.replay.errors import EmptyReplayError, InvalidRowsError, RowGapError
from serl_rl.replay.rows import RowBatch, RowKind
from serl_rl.replay.storage import RowStorage
from serl_rl.spec import EnvironmentSpec

_NO_ROW = -1


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

    Raises:
        ReplayFilesError: The directory holds a replay of another spec or capacity, is corrupt, or is in use.
        ReplayStorageError: The disk is full.
    """

    def __init__(self, spec: EnvironmentSpec, capacity: int, directory: Path | None = None) -> None:
        if capacity < 2:
            raise ValueError(f"capacity {capacity} is too small; a transition needs two rows")
        self.spec = spec
        self.capacity = capacity
        self._storage = RowStorage(spec, capacity, directory)
        self._lock = threading.Lock()
        self._successors = np.full(capacity, _NO_ROW, np.int64)
        self._transition_count = 0
        self._intervened = np.empty(0, np.int64)  # Numbers of transitions whose action a person chose, ascending.
        self._actors = {name: index for index, name in enumerate(self._storage.actor_names())}
        self._tails: dict[int, int] = {}
        self._recover()

    @property
    def row_count(self) -> int:
        """Number of rows kept."""
        with self._lock:
            return self._storage.end - self._storage.begin

    @property
    def transition_count(self) -> int:
        """Number of transitions that can be sampled."""
        with self._lock:
            return self._transition_count

    @property
    def intervention_count(self) -> int:
        """Number of transitions that can be sampled whose action a person chose."""
        with self._lock:
            return len(self._intervened)

    @property
    def environment_step_count(self) -> int:
        """Number of steps ever appended, overwritten ones included; final rows are no steps."""
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
        while True:
            with self._lock:
                numbers = self._draw_interventions(count, rng) if only_interventions else self._draw(count, rng)
                slots = numbers % self.capacity
                successors = self._successors[slots]
            batch = self._gather(slots, successors)
            with self._lock:
                if count == 0 or int(numbers.min()) >= self._storage.begin:
                    return batch

    def flush(self) -> None:
        """Writes everything to the disk; blocks until it is there. Only a power cut makes this necessary."""
        self._storage.flush()

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
        chain = numbers if tail < self._storage.begin else np.concatenate([[tail], numbers])
        self._link(chain)
        self._tails[actor] = new_end - 1

    def _columns(self, rows: RowBatch, actor: int, sequence_number: int) -> dict[str, np.ndarray]:
        count = len(rows)
        penalties = rows.grasp_penalties
        return {
            **{f"observations.{name}": array for name, array in rows.observations.items()},
            "actions": rows.actions,
            "rewards": rows.rewards,
            "grasp_penalties": np.zeros(count, np.float32) if penalties is None else penalties,
            "episode_ids": rows.episode_ids,
            "step_indices": rows.step_indices,
            "row_kinds": rows.row_kinds,
            "interventions": rows.interventions,
            "actors": np.full(count, actor, np.int32),
            "sequence_numbers": np.arange(sequence_number, sequence_number + count),
            "step_totals": self._step_total() + np.cumsum(rows.row_kinds != RowKind.FINAL),
        }

    def _release(self, begin: int, new_begin: int) -> None:
        slots = np.arange(begin, new_begin) % self.capacity
        self._transition_count -= int((self._successors[slots] != _NO_ROW).sum())
        self._intervened = self._intervened[np.searchsorted(self._intervened, new_begin) :]
        self._storage.release(new_begin)
        self._successors[slots] = _NO_ROW

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
        self._successors[first[follows]] = second[follows]
        self._transition_count += int(follows.sum())
        intervened = chain[:-1][follows & columns["interventions"][first]]
        if len(intervened):
            self._intervened = np.sort(np.concatenate([self._intervened, intervened]))

    def _recover(self) -> None:
        """Rebuilds links and actors from the committed rows."""
        storage = self._storage
        numbers = np.arange(storage.begin, storage.end)
        actors = storage.columns["actors"][numbers % self.capacity]
        for actor in np.unique(actors).tolist():
            chain = numbers[actors == actor]
            self._link(chain)
            self._tails[actor] = tail = int(chain[-1])
            held = int(storage.columns["sequence_numbers"][tail % self.capacity])
            # The row may have been committed by a process that was killed before it noted the number.
            storage.acknowledged[actor] = max(held, int(storage.acknowledged[actor]))

    def _draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws rows uniformly and rejects those that are no transition; a function of `rng` and the rows alone."""
        begin, end = self._storage.begin, self._storage.end
        if not self._transition_count:
            raise EmptyReplayError(f"the replay holds {end - begin} rows but no transition; wait for more steps")
        ratio = self._transition_count / (end - begin)
        if ratio < 0.25:
            numbers = np.arange(begin, end)
            return rng.choice(numbers[self._successors[numbers % self.capacity] != _NO_ROW], count)
        found = np.empty(0, np.int64)
        while len(found) < count:
            drawn = rng.integers(begin, end, int(1.1 * (count - len(found)) / ratio) + 8)
            found = np.concatenate([found, drawn[self._successors[drawn % self.capacity] != _NO_ROW]])
        return found[:count]

    def _draw_interventions(self, count: int, rng: np.random.Generator) -> np.ndarray:
        if not len(self._intervened):
            raise EmptyReplayError("the replay holds no transition whose action a person chose")
        return rng.choice(self._intervened, count)

    def _gather(self, slots: np.ndarray, successors: np.ndarray) -> TransitionBatch:
        columns = self._storage.columns
        names = [array.name for array in self.spec.observation]
        return TransitionBatch(
            observations={name: columns[f"observations.{name}"].take(slots, axis=0) for name in names},
            actions=columns["actions"].take(slots, axis=0),
            rewards=columns["rewards"].take(slots),
            next_observations={name: columns[f"observations.{name}"].take(successors, axis=0) for name in names},
            terminated=columns["row_kinds"].take(slots) == RowKind.TERMINATED,
            interventions=columns["interventions"].take(slots),
            grasp_penalties=columns["grasp_penalties"].take(slots),
        )


def _drop_known(rows: RowBatch, known: int) -> RowBatch:
    """Returns the rows after number `known`, which may be none."""
    if rows.first_sequence_number is None:
        return rows
    if rows.first_sequence_number > known + 1:
        raise RowGapError(rows.actor_id, known + 1, rows.first_sequence_number)
    return rows[known + 1 - rows.first_sequence_number :]
