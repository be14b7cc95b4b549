"""Batches of 256 with two 128 x 128 cameras: ours, memory-mapped, against LeRobot's buffer, in one thread."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks import float_replay
from benchmarks.measure import Report, Row, figure, interleave, ratio
from benchmarks.rows import spec
from serl_rl.models.vision.augmentation import draw_shifts, shifted
from serl_rl.replay.batch import TransitionBatch, empty_batch
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.feature_cache import EncodedReplay, FeatureLayout
from serl_rl.replay.rows import RowBatch, RowKind

BATCH, CAPACITY, SECONDS = 256, 3000, 1.0
MAP, CROPS = (4, 4, 512), 4


def run(rounds: int) -> Report:
    """Measures sampling with and without random shifts, and sampling of kept feature maps."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        replay = _filled(Path(folder) / "replay")
        layout = FeatureLayout(
            shapes=dict.fromkeys(("image_0", "image_1"), MAP), crops=CROPS, largest_shift=4, seed=0, fingerprint=""
        )
        encoded = EncodedReplay(replay, _encode, layout, Path(folder) / "features")
        encoded.catch_up()
        rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
        plain, with_shifts = float_replay.make(CAPACITY, shifts=False), float_replay.make(CAPACITY, shifts=True)
        speeds = interleave(
            rounds,
            **{
                "ours": lambda: _speed(lambda: replay.sample(BATCH, rng)),
                "ours, shifted": lambda: _speed(lambda: _shift(replay.sample(BATCH, rng), generator)),
                "ours, kept feature maps": lambda: _speed(lambda: _sample_maps(encoded, rng)),
                "LeRobot": lambda: _speed(lambda: plain(BATCH)),
                "LeRobot, shifted": lambda: _speed(lambda: with_shifts(BATCH)),
            },
        )
        bytes_a_step = sum(column[0].nbytes for column in replay._storage.columns.values())
        replay.close()
    rows = [figure(name, values, "batches/s") for name, values in speeds.items()]
    rows.append(ratio("ours / LeRobot", speeds["ours"], speeds["LeRobot"], at_least=5.0))
    rows.append(ratio("shifted: ours / LeRobot", speeds["ours, shifted"], speeds["LeRobot, shifted"], at_least=5.0))
    gigabytes = bytes_a_step * 100_000 / 1e9
    rows.append(Row("100,000 steps on disk", gigabytes, "GB", target="<= 10", met=gigabytes <= 10))
    return Report("Replay: batches of 256 with two 128 x 128 cameras, one thread", rows)


def _speed(sample: Callable[[], object]) -> float:
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        sample()
        count += 1
    return count / (time.perf_counter() - start)


def _filled(directory: Path) -> ReplayBuffer:
    environment, rng = spec(2), np.random.default_rng(0)
    replay = ReplayBuffer(environment, CAPACITY, directory)
    for start in range(0, CAPACITY, 100):
        observations = {
            array.name: rng.integers(0, 256, (100, *array.shape), np.uint8)
            if array.dtype == np.uint8
            else np.zeros((100, *array.shape), np.float32)
            for array in environment.observation
        }
        replay.append(
            RowBatch(
                observations=observations,
                actions=np.zeros((100, 4), np.float32),
                rewards=np.zeros(100, np.float32),
                episode_ids=np.zeros(100, np.int64),
                step_indices=np.arange(start, start + 100, dtype=np.int32),
                row_kinds=np.full(100, RowKind.STEP, np.uint8),
                interventions=np.zeros(100, bool),
                actor_id="benchmark",
            )
        )
    return replay


def _encode(images: dict[str, np.ndarray], shifts: np.ndarray) -> dict[str, np.ndarray]:
    return {camera: np.ones((*shifts.shape[:2], *MAP), np.uint16) for camera in images}


def _sample_maps(encoded: EncodedReplay, rng: np.random.Generator) -> TransitionBatch:
    batch = empty_batch(encoded.layout, encoded.spec.action_size, BATCH)
    encoded.sample_into(batch, (slice(0, BATCH),), rng)
    return batch


def _shift(batch: TransitionBatch, generator: torch.Generator) -> list[torch.Tensor]:
    moved = []
    for observations in (batch.observations, batch.next_observations):
        shifts = draw_shifts(BATCH, generator)
        moved += [shifted(torch.from_numpy(observations[f"image_{index}"]), shifts) for index in range(2)]
    return moved
