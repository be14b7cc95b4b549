import itertools

from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.realsense.stamps import Domain
from tests.support.exposures import CameraTiming, exposures


def first(timing, count=200, **options):
    return list(itertools.islice(exposures(timing, **options), count))


@given(st.floats(0.0, 0.05), st.floats(0.0, 0.5), st.integers(0, 100))
def test_frames_arrive_in_order_and_after_they_were_read_out(jitter_s, drop, seed):
    timing = CameraTiming(jitter_s=jitter_s, drop=drop, exposure_s=0.01, latency_s=0.02)
    shots = first(timing, 60, seed=seed)
    for before, after in itertools.pairwise(shots):
        assert before.number < after.number
        assert before.times.receive_ns < after.times.receive_ns
    assert all(shot.times.receive_ns - shot.middle_ns >= 24_999_999 for shot in shots)


def test_a_drop_is_a_gap_in_the_count():
    shots = first(CameraTiming(drop=0.2), 1000)
    lost = shots[-1].number - len(shots)
    assert 0.15 < lost / shots[-1].number < 0.25


def test_the_counter_drifts_and_the_global_time_does_not():
    last = first(CameraTiming(drift=1e-3, global_noise_s=0.0, counter_us=0), 3001, wall_ns=0)[-1]
    readout_us = last.middle_ns * 1e-3 + 4_000
    assert abs(last.times.readout_us - readout_us * 1.001) < 2
    assert abs(last.times.timestamp_ms * 1e3 - readout_us) < 2


def test_the_same_seed_gives_the_same_frames():
    timing = CameraTiming(jitter_s=0.01, drop=0.1)
    assert first(timing, seed=4) == first(timing, seed=4)
    assert first(timing, seed=4) != first(timing, seed=5)


def test_without_metadata_only_the_arrival_is_known():
    shot = first(CameraTiming(domain=Domain.SYSTEM, has_metadata=False), 1)[0]
    assert (shot.times.readout_us, shot.times.middle_us) == (None, None)
