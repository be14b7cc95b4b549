"""A recorder whose disk is full, or becomes read-only, between and within episodes."""

import contextlib
import random
import tempfile
import time
from pathlib import Path

from serl_client.episodes.files import EpisodeWriter, read_episodes
from tests.support.episodes import HEADER, assert_same_episode, full_episode
from tests.support.small_disk import fill, make_read_only, make_writable, small_disk

DISK_BYTES = 8_000_000
MOST_ROOM_BYTES = 200_000
"""Some episodes, of which the last one does not fit."""
KEPT = 20
"""Episodes of a file before it is begun anew, so that the disk has room for any number of trials."""


class Recorder:
    """Records into a file on a disk of its own, and knows what it was told is there.

    Args:
        disk: The disk.
    """

    def __init__(self, disk):
        self.disk, self.path = disk, disk / "some.episodes"
        self._rng, self._acknowledged = random.Random(0), []

    def record(self, writer):
        """Appends an episode, and knows it once the writer has returned."""
        episode = full_episode(steps=3, seed=self._rng.randrange(1 << 30))
        writer.append(episode)
        self._acknowledged.append(episode)

    def full(self):
        """Seconds from when a full disk has room again until the next episode is on it."""
        with EpisodeWriter(self.path, HEADER) as writer:
            filler = fill(self.disk, self._rng.randrange(MOST_ROOM_BYTES))
            with contextlib.suppress(OSError):
                while True:
                    self.record(writer)
            filler.unlink()
            return self._again(writer)

    def read_only(self):
        """Seconds from when a disk that was read-only can be written again until the next episode is on it."""
        with EpisodeWriter(self.path, HEADER) as writer:
            self.record(writer)
        make_read_only(self.disk)
        try:
            EpisodeWriter(self.path, HEADER).close()
            raise AssertionError("a read-only disk was written to")
        except OSError:
            pass
        finally:
            make_writable(self.disk)
        with EpisodeWriter(self.path, HEADER) as writer:
            return self._again(writer)

    def _again(self, writer):
        since = time.monotonic()
        self.record(writer)
        took_s = time.monotonic() - since
        found = read_episodes(self.path)
        assert len(found) == len(self._acknowledged)
        for one, other in zip(found, self._acknowledged, strict=True):
            assert_same_episode(one, other)
        if len(found) > KEPT:
            self.path.unlink()
            self._acknowledged.clear()
        return took_s


@contextlib.contextmanager
def recording(trouble):
    """Yields a trial of a recorder in trouble; each compares every episode that was acknowledged."""
    with tempfile.TemporaryDirectory(prefix="disk-") as folder, small_disk(Path(folder) / "disk", DISK_BYTES) as disk:
        recorder = Recorder(disk)
        yield lambda: trouble(recorder)
