"""Samples batches ahead in a thread, so that an update never waits for its data."""

from __future__ import annotations

import queue
import threading

import torch

from serl_api.lifetime.closing import ClosedOnExit
from serl_rl.replay.batch_sampler import BatchSampler
from serl_rl.replay.update_batch import UpdateBatch


class Prefetcher(ClosedOnExit):
    """Samples the batches of consecutive updates in a thread of its own; a context manager.

    On a GPU a batch lies in page-locked memory before it is copied, so that the copy overlaps with computing.

    Args:
        sampler: Where batches come from.
        first_update_index: Number of the first update to sample for.
        device: Where batches are used.
        depth: Largest number of batches that wait; a batch is sampled at most that many updates before its use.
    """

    def __init__(
        self, sampler: BatchSampler, *, first_update_index: int, device: torch.device | str = "cpu", depth: int = 2
    ) -> None:
        self._sampler = sampler
        self._device = torch.device(device)
        self._waiting: queue.Queue[UpdateBatch | Exception] = queue.Queue(depth)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(first_update_index,), name="prefetch", daemon=True)
        self._thread.start()

    def next(self) -> UpdateBatch:
        """Returns the next update's batch on the device; blocks until it is sampled.

        Raises:
            EmptyReplayError: A buffer holds no transition yet; the thread has ended, make another prefetcher.
        """
        item = self._waiting.get()
        if isinstance(item, Exception):
            self._waiting.put(item)
            raise item
        return item.to(self._device)

    def close(self) -> None:
        """Ends the thread. Safe to call twice."""
        self._closed.set()
        while self._thread.is_alive():
            self._drain()
            self._thread.join(0.01)

    def _run(self, update_index: int) -> None:
        try:
            while not self._closed.is_set():
                batch = self._sampler.sample(update_index)
                self._waiting.put(batch.pinned() if self._device.type == "cuda" else batch)
                update_index += 1
        except Exception as error:  # noqa: BLE001 - The top of a thread: the error is raised where batches are taken.
            self._waiting.put(error)

    def _drain(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
