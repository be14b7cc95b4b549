import numpy as np

from serl_rl.demonstrations.timing import EpisodeTiming, SensorTiming, timing_of
from tests.support.episodes import full_episode

MS = 1_000_000


def test_skew_repetitions_and_unseen_frames_are_counted():
    stamps_ns = np.array([0, 20, 40, 80, 100]) * MS
    episode = full_episode(
        steps=4,
        stamps_ns=stamps_ns,
        sensor_stamps_ns={
            "arm": stamps_ns,
            "camera/front": stamps_ns + np.array([1, -3, -23, 2, 0]) * MS,
        },
        frame_numbers={"front": np.array([0, 1, 1, 4, 5])},
    )
    assert timing_of(7, episode) == EpisodeTiming(
        number=7,
        steps=4,
        rate_hz=40.0,
        late_steps=1,
        sensors=(
            SensorTiming("arm", 0.0, 0.0, 0, 0),
            SensorTiming("camera/front", 5.8, 23.0, 1, 2),
        ),
    )


def test_a_file_that_tells_nothing_of_its_sensors_has_none():
    episode = full_episode(steps=0, sensor_stamps_ns={}, frame_numbers={})
    assert timing_of(0, episode) == EpisodeTiming(number=0, steps=0, rate_hz=0.0, late_steps=0, sensors=())
