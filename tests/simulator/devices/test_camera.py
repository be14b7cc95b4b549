import numpy as np
import pytest

from serl_api.cell import CameraInfo
from serl_api.enums import StampSource
from serl_api.errors.robot import DeviceUnavailableError
from simulator.devices import MujocoCamera
from simulator.devices.injection import Condition, Injections, Latency
from tests.support.clocks import ManualTimebase


class StillRenderer:
    """Draws a black image of the present instant."""

    def __init__(self, physics):
        self.physics = physics

    def render(self, view, past=None, *, timeout_s=1.0):
        return np.zeros((view.height, view.width, 3), np.uint8), self.physics.time_ns


@pytest.fixture
def bench():
    """Builds a camera of a rate; waiting lets its clock pass."""
    clock = ManualTimebase()
    injections = Injections(lambda: clock.time_ns)

    def wait(seconds):
        clock.time_ns += round(seconds * 1e9)
        return False

    def build(rate_hz):
        info = CameraInfo(name="front", model="test", serial_number="", width=4, height=4, rate_hz=rate_hz)
        return MujocoCamera(clock, StillRenderer(clock), injections, info, wait)

    return build, clock, injections


def test_lockstep_frames_show_the_present_instant(bench):
    build, clock, _ = bench
    camera = build(0.0)
    clock.time_ns = 70
    frame = camera.read(1.0)
    assert (frame.time_ns, frame.receive_time_ns, frame.number) == (70, 70, 1)
    assert frame.stamp_source is StampSource.SIMULATOR
    assert camera.read(1.0).number == 2


def test_real_time_frames_come_at_the_rate(bench):
    build, _, _ = bench
    camera = build(50.0)
    times = [camera.read(1.0).time_ns for _ in range(4)]
    np.testing.assert_array_equal(np.diff(times), 20_000_000)


@pytest.mark.parametrize("rate_hz", [0.0, 50.0])
def test_a_dropped_camera_is_unavailable_and_returns(bench, rate_hz):
    build, clock, injections = bench
    camera = build(rate_hz)
    injections.inject(Condition.CAMERA_DROPOUT, device="front", duration_ns=10**9)
    with pytest.raises(DeviceUnavailableError, match="front is unplugged"):
        camera.read(0.1)
    clock.time_ns += 2 * 10**9
    assert camera.read(0.1).number == 1


def test_delayed_frames_keep_their_true_stamps(bench):
    build, _, injections = bench
    camera = build(50.0)
    injections.inject(Condition.CAMERA_LATENCY, device="front", latency=Latency(delay_ns=50_000_000, jitter_ns=0))
    frames = [camera.read(1.0) for _ in range(4)]
    assert all(frame.number == index + 1 for index, frame in enumerate(frames))
    np.testing.assert_array_equal(np.diff([frame.time_ns for frame in frames]), 20_000_000)


def test_delayed_lockstep_frames_are_those_of_earlier_reads(bench):
    build, clock, injections = bench
    camera = build(0.0)
    injections.inject(Condition.CAMERA_LATENCY, device="front", latency=Latency(delay_ns=150_000_000, jitter_ns=0))
    stamps = []
    for index in range(5):
        clock.time_ns = index * 100_000_000
        stamps.append(camera.read(1.0).time_ns // 100_000_000)
    assert stamps == [0, 0, 0, 1, 2]
