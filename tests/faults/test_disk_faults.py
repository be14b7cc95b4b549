"""A recorder loses no episode to a disk that is full or read-only, and goes on once there is room."""

import pytest

from tests.faults.disk_faults import Recorder, recording


@pytest.mark.parametrize("trouble", [Recorder.full, Recorder.read_only])
def test_no_recorded_episode_is_lost_to_a_disk(trouble):
    with recording(trouble) as trial:
        for _ in range(3):
            assert trial() < 20.0
