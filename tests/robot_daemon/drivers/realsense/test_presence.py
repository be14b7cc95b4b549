import pytest

from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.presence import (
    PresentCamera,
    bytes_per_s,
    choose,
    require_bandwidth,
    unresolved,
)
from robot_daemon.hardware.devices import DeviceConnectError

ONE = PresentCamera("111", "Intel RealSense D405", "3.2")
TWO = PresentCamera("222", "Intel RealSense D435I", "2.1")


def test_the_camera_of_that_serial_is_chosen():
    assert choose([ONE, TWO], "222") is TWO
    assert choose([ONE], None) is ONE


@pytest.mark.parametrize(
    ("present", "serial", "words"),
    [
        ([], None, ["no RealSense is plugged in", "udev"]),
        ([], "111", ["no RealSense 111 is plugged in"]),
        ([ONE, TWO], "333", ["no RealSense has serial 333", "111 (Intel RealSense D405, USB 3.2), 222"]),
        ([ONE, TWO], None, ["give serial", "111", "222"]),
    ],
)
def test_what_is_there_is_said(present, serial, words):
    with pytest.raises(DeviceConnectError) as caught:
        choose(present, serial)
    assert all(word in str(caught.value) for word in words)


def test_usb_2_is_refused_only_when_it_does_not_carry_the_streams():
    assert bytes_per_s(RealsenseOptions()) == 640 * 480 * 2 * 30
    require_bandwidth(TWO, RealsenseOptions())
    require_bandwidth(ONE, RealsenseOptions(depth=True, width=1280, height=720))
    with pytest.raises(DeviceConnectError) as caught:
        require_bandwidth(TWO, RealsenseOptions(depth=True))
    for word in ("USB 2.1", "35 MB/s", "37 MB/s", "640 x 480", "USB 3 port"):
        assert word in str(caught.value)


def test_streams_that_are_not_offered_are_named_with_those_that_are():
    text = str(unresolved(TWO, RealsenseOptions(rate_hz=90), ["640 x 480 at 30"]))
    assert "colour of 640 x 480 px at 90 Hz on USB 2.1" in text
    assert text.endswith("640 x 480 at 30")
