"""Caches feature maps of a frozen backbone beside a replay's rows: K random crops of each image, computed once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from serl_rl.artifacts.run_directory import write_json
from serl_rl.replay.batch import Places, TransitionBatch, place_rows
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import EmptyReplayError
from serl_rl.replay.mapped_files import DiskSpace, map_array

CropEncoder: TypeAlias = Callable[[Mapping[str, np.ndarray], np.ndarray], dict[str, np.ndarray]]
"""Computes maps: images by camera, uint8 of shape (N, H, W, 3), and shifts, int64 of shape (N, K, 2), to the bits of
bfloat16 numbers by camera, uint16 of shape (N, K, h, w, C)."""

_FORMAT = {"format": "serl-features", "version": 1}
_ROWS_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class FeatureLayout:
    """Defines what is kept of each image."""

    shapes: Mapping[str, tuple[int, int, int]]
    """Height, width and channels of the maps of each camera."""
    crops: int
    """Number K of crops of each image."""
    largest_shift: int
    """Largest shift of a crop, px."""
    seed: int
    """Seed of all crops."""
    fingerprint: str
    """Digest of the backbone's weights; maps of another backbone are computed anew."""

    def to_dict(self, capacity: int) -> dict[str, Any]:
        """Returns what is written beside the maps."""
        shapes = {camera: list(shape) for camera, shape in self.shapes.items()}
        return {**_FORMAT, "capacity": capacity, **vars(self), "shapes": shapes}


class EncodedReplay:
    """Samples a replay's images as feature maps. Only one thread may use it; others may append to the replay.

    The maps are derived data. Whatever is missing, stale or of another backbone is computed from the images, so the
    files need no care: losing them loses time alone. A row is drawn as soon as its maps and those of its successor are
    there.

    The crops of an image have one shift in all cameras. For each transition the update draws one of the K crops of its
    observation and, independently, one of those of the next.

    Args:
        replay: Where the rows are.
        encode: Computes maps.
        layout: What is kept.
        directory: Folder for the files; None keeps them in memory.
        refreshed_rows: Rows that are encoded anew, with other crops, for each call of `sample_into`.

    Raises:
        ReplayStorageError: The disk is full.
        ValueError: Stacks of frames cannot be refreshed.
    """

    def __init__(
        self,
        replay: ReplayBuffer,
        encode: CropEncoder,
        layout: FeatureLayout,
        directory: Path | None = None,
        *,
        refreshed_rows: float = 0.0,
    ) -> None:
        if refreshed_rows and replay.frame_stack > 1:
            raise ValueError("crops of stacks of frames cannot be refreshed; set refreshed_rows to 0")
        self.spec = replay.spec
        self._replay = replay
        self._encode = encode
        self._feature_layout = layout
        self._refreshed_rows = refreshed_rows
        self._debt = 0.0
        self._refresh_at = 0
        if directory is not None:
            _prepare(directory, layout.to_dict(replay.capacity))
        # A file that is new is full of zeros, so numbers are kept plus one.
        rows = replay.capacity
        self._numbers = map_array(directory, "numbers", (rows,), np.dtype(np.int64), is_whole=True)
        self._rounds = map_array(directory, "rounds", (rows,), np.dtype(np.int32), is_whole=True)
        self._maps = {
            camera: map_array(directory, f"maps.{camera}", (rows, layout.crops, math.prod(shape)), np.dtype(np.uint16))
            for camera, shape in layout.shapes.items()
        }
        named = {f"maps.{camera}": array for camera, array in self._maps.items()}
        self._space = DiskSpace(directory, named)
        self._end = self._first_missing()

    @property
    def transition_count(self) -> int:
        """Returns the number of transitions of the replay."""
        return self._replay.transition_count

    @property
    def intervention_count(self) -> int:
        """Returns the number of those whose action a person chose."""
        return self._replay.intervention_count

    @property
    def layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Returns shape and type of one transition's observation, by name; maps are the bits of bfloat16 numbers."""
        stack = (self._replay.frame_stack,) if self._replay.frame_stack > 1 else ()
        maps = {
            camera: ((*stack, *shape), np.dtype(np.uint16)) for camera, shape in self._feature_layout.shapes.items()
        }
        return self._replay.layout | maps

    def catch_up(self) -> int:
        """Computes the maps of all rows that have none yet.

        Returns:
            How many rows.

        Raises:
            ReplayStorageError: The disk is full.
        """
        encoded = 0
        while True:
            begin, end = self._replay.window()
            start = max(begin, self._end)
            if start >= end:
                return encoded
            numbers = np.arange(start, min(end, start + _ROWS_AT_ONCE))
            self._encode_rows(numbers, np.zeros(len(numbers), np.int32))
            self._end = int(numbers[-1]) + 1
            encoded += len(numbers)

    def sample_into(
        self, batch: TransitionBatch, places: Places, rng: np.random.Generator, *, only_interventions: bool = False
    ) -> None:
        """Draws transitions uniformly into some places of a batch, with maps in place of images.

        Args:
            batch: Arrays of this layout.
            places: Where the transitions go, in order.
            rng: Source of the draw.
            only_interventions: Whether to draw only transitions whose action a person chose.

        Raises:
            EmptyReplayError: There is no such transition yet.
            ReplayStorageError: The disk is full.
        """
        self.catch_up()
        self._refresh()
        count = sum(place.stop - place.start for place in places)
        vectors = [array.name for array in self._replay.spec.observation if array.name not in self._maps]
        while True:
            try:
                draw = self._replay.draw(count, rng, only_interventions=only_interventions, before=self._end)
            except EmptyReplayError:
                if not self.catch_up():
                    raise
                continue  # Every row was overwritten meanwhile.
            crops = rng.integers(self._feature_layout.crops, size=(2, count))
            self._replay.copy_scalars(draw, batch, places)
            self._replay.copy_observations(draw, batch, places, vectors)
            for observations, slots, crop in (
                (batch.observations, draw.slots, crops[0]),
                (batch.next_observations, draw.next_slots, crops[1]),
            ):
                self._copy_maps(observations, slots, crop, places)
            if self._replay.is_kept(draw):
                return

    def _copy_maps(
        self, target: Mapping[str, np.ndarray], slots: np.ndarray, crops: np.ndarray, places: Places
    ) -> None:
        for camera, maps in self._maps.items():
            flat = maps.reshape(-1, maps.shape[-1])
            rows = slots * self._feature_layout.crops + crops
            array = target[camera]
            if self._replay.frame_stack == 1:
                place_rows(array.reshape(len(array), -1), flat, rows[0], places)
            else:
                for index, stack_rows in enumerate(rows):
                    place_rows(array.reshape(*array.shape[:2], -1)[:, index], flat, stack_rows, places)

    def _refresh(self) -> None:
        self._debt += self._refreshed_rows
        count, self._debt = int(self._debt), self._debt % 1
        begin, _ = self._replay.window()
        if not count or self._end <= begin:
            return
        start = self._refresh_at if begin <= self._refresh_at < self._end else begin
        numbers = np.arange(start, min(start + count, self._end))
        self._refresh_at = int(numbers[-1]) + 1
        self._encode_rows(numbers, self._rounds[numbers % self._replay.capacity] + 1)

    def _encode_rows(self, numbers: np.ndarray, rounds: np.ndarray) -> None:
        """Computes and keeps the maps of some rows; the crops depend on row and round alone."""
        self._space.reserve(int(numbers[-1]) + 1)
        images = {camera: self._replay.frames(numbers, camera) for camera in self._maps}
        maps = self._encode(images, self._draw_shifts(numbers, rounds))
        slots = numbers % self._replay.capacity
        self._numbers[slots] = 0
        for camera, kept in self._maps.items():
            kept[slots] = maps[camera].reshape(len(numbers), *kept.shape[1:])
        self._rounds[slots] = rounds
        self._numbers[slots] = numbers + 1

    def _draw_shifts(self, numbers: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        """Draws the crops of some rows, int64 of shape (N, K, 2), px. Frames that are stacked are shifted alike."""
        layout = self._feature_layout
        keys = self._replay.episodes(numbers) if self._replay.frame_stack > 1 else numbers
        drawn = [
            np.random.default_rng((layout.seed, key, turn)).integers(
                -layout.largest_shift, layout.largest_shift + 1, (layout.crops, 2)
            )
            for key, turn in zip(keys.tolist(), rounds.tolist(), strict=True)
        ]
        return np.stack(drawn)

    def _first_missing(self) -> int:
        begin, end = self._replay.window()
        numbers = np.arange(begin, end)
        missing = np.flatnonzero(self._numbers[numbers % self._replay.capacity] != numbers + 1)
        return begin + int(missing[0]) if len(missing) else end


def _prepare(directory: Path, layout: dict[str, Any]) -> None:
    """Makes the folder; removes maps of another layout."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "layout.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        found = None
    if found == layout:
        return
    for file in directory.glob("*.bin"):
        file.unlink()
    write_json(path, layout)
