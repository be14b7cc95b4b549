"""The thread that all camera drivers share, over a stream that obeys the test."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from robot_daemon.drivers.capture.capture import QUEUE_LENGTH, CapturedCamera, StreamLostError
from robot_daemon.hardware.devices import DeviceConnectError, FrameSample
from serl_api.cell import CameraInfo
from serl_api.enums import StampSource
from serl_api.errors.robot import DeviceUnavailableError
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


class Stream:
    """Delivers what is put into it."""

    def __init__(self, width=4):
        self.info = CameraInfo(name="front", model="m", serial_number="1", width=width, height=4, rate_hz=30.0)
        self.problem = ""
        self.coming = []
        self.fresh = threading.Condition()
        self.is_closed = False

    def put(self, item):
        with self.fresh:
            self.coming.append(item)
            self.fresh.notify_all()

    def read(self, timeout_s):
        with self.fresh:
            self.fresh.wait_for(lambda: self.coming, timeout_s)
            item = self.coming.pop(0) if self.coming else None
        if isinstance(item, Exception):
            raise item
        return item

    def close(self):
        self.is_closed = True


def frame(number):
    return FrameSample(
        time_ns=number, receive_time_ns=number, number=number, rgb=np.zeros((4, 4, 3), np.uint8),
        stamp_source=StampSource.SENSOR,
    )  # fmt: skip


@pytest.fixture
def captured():
    """A camera; `opening` holds what the next attempts to open give, the last one again and again."""
    first = Stream()
    opening = [first]

    def open_stream():
        item = opening.pop(0) if len(opening) > 1 else opening[0]
        if isinstance(item, Exception):
            raise item
        return item

    camera = CapturedCamera("front", open_stream, time.monotonic_ns, reopen_interval_s=0.01)
    yield SimpleNamespace(camera=camera, stream=first, opening=opening)
    camera.close()


def until_it_says(camera, text):
    for _ in range(200):
        with pytest.raises(DeviceUnavailableError) as caught:
            camera.read(0.02)
        if text in str(caught.value):
            return
    raise AssertionError(f"it never said: {text}")


def test_frames_come_in_order(captured):
    for number in (1, 2, 5):
        captured.stream.put(frame(number))
    assert [captured.camera.read(2.0).number for _ in range(3)] == [1, 2, 5]


def test_a_slow_reader_gets_the_newest_frames(captured):
    for number in range(1, 20):
        captured.stream.put(frame(number))
    wait_until(lambda: not captured.stream.coming)
    captured.stream.put(frame(20))
    numbers = [captured.camera.read(2.0).number]
    while numbers[-1] != 20:
        numbers.append(captured.camera.read(2.0).number)
    assert len(numbers) <= QUEUE_LENGTH + 1


def test_without_frames_the_reader_is_told_after_its_time(captured):
    with pytest.raises(DeviceUnavailableError, match=r"no frame within 0.05 s"):
        captured.camera.read(0.05)


def test_a_lost_stream_is_opened_again_and_the_count_goes_on(captured):
    captured.stream.put(frame(7))
    assert captured.camera.read(2.0).number == 7
    captured.opening[:] = [DeviceConnectError("no camera is plugged in")]
    captured.stream.put(StreamLostError("it was unplugged"))
    until_it_says(captured.camera, "no camera is plugged in")
    assert captured.stream.is_closed
    again = Stream()
    captured.opening[:] = [again]
    again.put(frame(1))
    again.put(frame(2))
    assert [captured.camera.read(2.0).number for _ in range(2)] == [9, 10]


def test_a_stream_of_another_size_is_not_mixed_in(captured):
    wide = Stream(width=8)
    captured.opening[:] = [wide]
    captured.stream.put(StreamLostError("it was unplugged"))
    until_it_says(captured.camera, "came back with frames of 8 x 4 px; restart the daemon")
    assert wide.is_closed


def test_a_stream_that_cannot_return_is_left_alone(captured):
    captured.opening[:] = [Stream()]
    captured.stream.put(StreamLostError("the recording has ended", may_return=False))
    until_it_says(captured.camera, "the recording has ended")
    captured.opening[0].put(frame(1))
    until_it_says(captured.camera, "the recording has ended")


def test_a_problem_is_one_fault_until_it_is_over(captured):
    captured.stream.problem = "its stamps are poor"
    for number in (1, 2):
        captured.stream.put(frame(number))
        captured.camera.read(2.0)
        faults = captured.camera.faults()
        assert [fault.text for fault in faults] == ["camera front is degraded: its stamps are poor"]
    assert captured.camera.faults() is faults
    captured.stream.problem = ""
    captured.stream.put(frame(3))
    captured.camera.read(2.0)
    assert captured.camera.faults() == ()


def test_a_bug_in_a_stream_is_said_and_ends_it(captured):
    captured.stream.put(ZeroDivisionError("bug"))
    until_it_says(captured.camera, "its driver failed; see the log")
    assert captured.stream.is_closed


def test_closing_ends_a_reader_that_waits(captured):
    failed = threading.Event()

    def read():
        with pytest.raises(DeviceUnavailableError):
            captured.camera.read(30.0)
        failed.set()

    reader = threading.Thread(target=read)
    reader.start()
    captured.camera.close()
    assert failed.wait(20.0)
    reader.join()
    assert captured.stream.is_closed
