"""Gamepads whose events come through a pipe, as the kernel's do: own ranges, lost events, lost pads."""

import os
import struct
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.gamepad import (
    AT_REST,
    FULL_SCALE,
    EventSource,
    list_gamepads,
    open_gamepad,
    parse_events,
)
from tests.support.waiting import wait_until

evdev = pytest.importorskip("evdev", exc_type=ImportError)
CODES = evdev.ecodes
Range = namedtuple("Range", "value min max")
EVENT = struct.Struct("<HHi")
STICKS = (CODES.ABS_X, CODES.ABS_Y, CODES.ABS_RX, CODES.ABS_RY)
TRIGGERS = (CODES.ABS_Z, CODES.ABS_RZ)


class FakePad:
    """An `InputDevice` of a pad with sticks of 8 bits, like a PlayStation's, or of 16, like an Xbox'."""

    def __init__(self, path, *, bits=8, bustype=CODES.BUS_USB, is_gamepad=True):
        self.path, self.name, self.info = path, "pad", SimpleNamespace(bustype=bustype)
        top = (1 << bits) - 1
        middle = (top + 1) // 2
        self.axes = {code: Range(middle, 0, top) for code in STICKS} | {code: Range(0, 0, 255) for code in TRIGGERS}
        self.axes |= {code: Range(0, -1, 1) for code in (CODES.ABS_HAT0X, CODES.ABS_HAT0Y)}
        self.down = set()
        self.buttons = [CODES.BTN_SOUTH, CODES.BTN_TL, CODES.BTN_TR] if is_gamepad else [CODES.KEY_A]
        self.fd, self._writer = os.pipe()

    def capabilities(self):
        return {CODES.EV_KEY: self.buttons, CODES.EV_ABS: list(self.axes.items())}

    def absinfo(self, axis_num):
        return self.axes[axis_num]

    def active_keys(self):
        return sorted(self.down)

    def read(self):
        data = os.read(self.fd, 64 * EVENT.size)
        if not data:
            raise OSError(19, "No such device")
        return [evdev.InputEvent(0, 0, *EVENT.unpack_from(data, at)) for at in range(0, len(data), EVENT.size)]

    def close(self):
        os.close(self.fd)

    def turn(self, code, value, *, is_told=True):
        """Moves an axis; the kernel may lose the event."""
        self.axes[code] = self.axes[code]._replace(value=value)
        if is_told:
            os.write(self._writer, EVENT.pack(CODES.EV_ABS, code, value))

    def press(self, code, *, is_down=True):
        self.down = self.down | {code} if is_down else self.down - {code}
        os.write(self._writer, EVENT.pack(CODES.EV_KEY, code, is_down))

    def lose_events(self):
        os.write(self._writer, EVENT.pack(CODES.EV_SYN, CODES.SYN_DROPPED, 0))

    def unplug(self):
        os.close(self._writer)


class FakeEvdev:
    """What evdev offers, over fake pads; each is made anew when it is opened, as after plugging it in."""

    def __init__(self, **kinds):
        self.kinds = {f"/dev/input/{name}": options for name, options in kinds.items()}
        self.opened = {}

    def list_devices(self):
        return list(self.kinds)

    def InputDevice(self, path):  # noqa: N802 - evdev's name.
        if path not in self.kinds:
            raise FileNotFoundError(2, "No such file or directory")
        if self.kinds[path] is None:
            raise PermissionError(13, "Permission denied")
        self.opened[path] = FakePad(path, **self.kinds[path])
        return self.opened[path]


@pytest.fixture
def drive(clock):
    """Opens a pad of some kind; returns the device and the pad."""
    devices = []

    def build(**options):
        module = FakeEvdev(event3=options)
        devices.append(open_gamepad(evdev=module, clock=clock, retry_s=0.01))
        return devices[-1], module.opened["/dev/input/event3"]

    yield build
    for device in devices:
        device.close()


@given(st.binary(max_size=64))
def test_any_bytes_are_survived(data):
    assert len(parse_events(AT_REST, data).axes) == 8


@given(bits=st.sampled_from((8, 16)), share=st.floats(0.0, 1.0))
def test_axes_are_scaled_by_the_range_that_the_pad_tells(bits, share):
    pad = FakePad("event3", bits=bits)
    source = EventSource(pad)
    source.read(1024, 0)
    pad.turn(CODES.ABS_X, round(share * pad.axes[CODES.ABS_X].max))
    scaled = parse_events(AT_REST, bytes(source.read(1024, 0))).axes[0]
    assert scaled == pytest.approx((2.0 * share - 1.0) * FULL_SCALE, abs=FULL_SCALE / pad.axes[CODES.ABS_X].max + 1)
    pad.unplug()
    pad.close()


@pytest.mark.parametrize("bits", [8, 16])
def test_sticks_and_shoulder_buttons(drive, bits):
    device, pad = drive(bits=bits)
    pad.turn(CODES.ABS_Y, 0)
    pad.turn(CODES.ABS_RY, 0)
    pad.press(CODES.BTN_TR)
    wait_until(lambda: device.read().gripper)
    sample = device.read()
    # Away from a person who faces the arm, and up.
    np.testing.assert_allclose(sample.twist, (-1, 0, 1, 0, 0, 0), atol=0.01)
    assert sample.gripper == -1.0
    assert sample.buttons == {"right shoulder"}


def test_a_trigger_beyond_its_middle_is_a_button(drive):
    device, pad = drive()
    pad.turn(CODES.ABS_Z, 200)
    wait_until(lambda: device.read().buttons == {"left trigger"})
    pad.turn(CODES.ABS_Z, 50)
    wait_until(lambda: not device.read().buttons)


def test_what_is_held_when_it_is_opened_is_known():
    pad = FakePad("event3")
    pad.axes[CODES.ABS_X] = pad.axes[CODES.ABS_X]._replace(value=255)
    pad.down = {CODES.BTN_TL}
    controls = parse_events(AT_REST, bytes(EventSource(pad).read(1024, 0)))
    assert (controls.axes[0], controls.held) == (FULL_SCALE, {4})


def test_events_that_the_kernel_lost_are_made_up_for(drive):
    device, pad = drive()
    pad.turn(CODES.ABS_X, 255)
    wait_until(lambda: device.read().is_active)
    pad.turn(CODES.ABS_X, 128, is_told=False)
    pad.lose_events()
    wait_until(lambda: not device.read().is_active)


def test_a_held_stick_of_a_cabled_pad_sends_nothing_and_stays_held(drive, clock):
    device, pad = drive()
    pad.turn(CODES.ABS_X, 255)
    wait_until(lambda: device.read().is_active)
    clock.now += 60.0
    assert device.read().is_active


def test_a_pad_on_bluetooth_that_falls_silent_counts_as_let_go(drive, clock):
    device, pad = drive(bustype=CODES.BUS_BLUETOOTH)
    pad.turn(CODES.ABS_X, 255)
    pad.press(CODES.BTN_TR)
    wait_until(lambda: device.read().gripper)
    clock.now += 0.9
    assert device.read().is_active
    clock.now += 0.2
    sample = device.read()
    assert (sample.is_active, sample.buttons, sample.is_connected) == (False, frozenset(), True)
    pad.turn(CODES.ABS_X, 254)
    wait_until(lambda: device.read().is_active)


def test_an_unplugged_pad_is_zero_and_a_fault_until_it_is_back(clock):
    module = FakeEvdev(event3={})
    device = open_gamepad(evdev=module, clock=clock, retry_s=0.01)
    pad = module.opened["/dev/input/event3"]
    pad.turn(CODES.ABS_Y, 0)
    wait_until(lambda: device.read().is_active)
    module.kinds.clear()
    pad.unplug()
    wait_until(lambda: not device.read().is_connected)
    assert not device.read().is_active
    assert "was unplugged" in device.fault
    module.kinds["/dev/input/event5"] = {}
    wait_until(lambda: device.read().is_connected)
    assert device.fault == ""
    device.close()


def test_only_gamepads_are_listed():
    module = FakeEvdev(event4={}, event0={"is_gamepad": False}, event9=None)
    assert list_gamepads(module) == ["/dev/input/event4"]


def test_none_plugged_in_is_one_sentence():
    with pytest.raises(DeviceUnavailableError, match=r"no gamepad is plugged in .*SpaceMouse instead"):
        open_gamepad(evdev=FakeEvdev())


def test_a_path_that_does_not_exist_is_named():
    with pytest.raises(DeviceUnavailableError, match=r"cannot open the gamepad at .*event7: No such file"):
        open_gamepad("/dev/input/event7", evdev=FakeEvdev())


def test_missing_permission_names_the_group():
    with pytest.raises(DeviceUnavailableError, match="usermod -aG input"):
        open_gamepad("/dev/input/event9", evdev=FakeEvdev(event9=None))


def test_the_installed_library_lists_without_a_device():
    assert isinstance(list_gamepads(), list)
