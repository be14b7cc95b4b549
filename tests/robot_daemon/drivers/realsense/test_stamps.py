import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_daemon.drivers.realsense.stamps import NO_EXPOSURE_TIME, NO_GLOBAL_TIME, NO_METADATA, Domain, Stamper
from serl_api.enums import StampSource
from tests.support.exposures import CameraTiming, exposures

MS = 1_000_000


def stamped(timing, count, latency_ns=20 * MS):
    stamper = Stamper(latency_ns)
    return [(shot, stamper.stamp(shot.times)) for shot in itertools.islice(exposures(timing), count)]


@settings(deadline=None, max_examples=25)
@given(
    st.builds(
        CameraTiming,
        exposure_s=st.floats(0.0005, 0.03),
        drift=st.floats(-1e-4, 1e-4),
        counter_us=st.integers(0, (1 << 32) - 1),
        jitter_s=st.floats(0.0, 0.02),
        drop=st.floats(0.0, 0.1),
    )
)
def test_stamps_are_the_middle_of_the_exposure(timing):
    for shot, stamp in stamped(timing, 600):
        assert abs(stamp.time_ns - shot.middle_ns) < 1.5 * MS
        assert (stamp.source, stamp.problem) == (StampSource.SENSOR, "")


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(Domain), st.booleans(), st.floats(0.0, 0.05), st.floats(0.0, 0.02), st.floats(-0.3, 0.3))
def test_stamps_rise_and_lie_before_the_arrival(domain, has_metadata, jitter_s, latency_s, bias_s):
    timing = CameraTiming(
        domain=domain, has_metadata=has_metadata, jitter_s=jitter_s, latency_s=latency_s, global_bias_s=bias_s
    )
    last_ns = -(10**18)
    for shot, stamp in stamped(timing, 60):
        assert last_ns < stamp.time_ns <= shot.times.receive_ns
        last_ns = stamp.time_ns


@pytest.mark.parametrize(
    ("timing", "problem"),
    [
        (CameraTiming(domain=Domain.SYSTEM, has_metadata=False), NO_METADATA),
        (CameraTiming(domain=Domain.HARDWARE), NO_GLOBAL_TIME),
        (CameraTiming(global_bias_s=-5.0), NO_GLOBAL_TIME),
    ],
)
def test_a_stamp_that_cannot_be_trusted_says_why(timing, problem):
    for _, stamp in stamped(timing, 5):
        assert (stamp.source, stamp.problem) == (StampSource.ARRIVAL, problem)


def test_without_the_middle_of_the_exposure_the_readout_counts():
    stamper = Stamper(0)
    for shot in itertools.islice(exposures(CameraTiming(global_noise_s=0.0, exposure_s=0.01)), 5):
        stamp = stamper.stamp(dataclasses.replace(shot.times, middle_us=None))
        assert (stamp.source, stamp.problem) == (StampSource.SENSOR, NO_EXPOSURE_TIME)
        assert stamp.time_ns == pytest.approx(shot.middle_ns + 5 * MS, abs=20_000)


def test_a_count_that_begins_anew_is_followed_at_once():
    stamper = Stamper(0)
    first = list(itertools.islice(exposures(CameraTiming(counter_us=3_000_000_000)), 100))
    again = list(itertools.islice(exposures(CameraTiming(counter_us=5_000), begin_ns=4_000 * MS), 100))
    for shot in [*first, *again]:
        assert abs(stamper.stamp(shot.times).time_ns - shot.middle_ns) < 1.5 * MS or shot.times.wall_offset_ns is None


def test_arrival_stamps_take_the_latency_off():
    ((shot, stamp),) = stamped(CameraTiming(has_metadata=False), 1, latency_ns=30 * MS)
    assert stamp.time_ns == shot.times.receive_ns - 30 * MS
