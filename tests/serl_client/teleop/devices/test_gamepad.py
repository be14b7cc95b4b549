import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.gamepad import AT_REST, JoystickFile, list_gamepads, open_gamepad, parse_events
from tests.support.waiting import wait_until

BUTTON, AXIS, INITIAL = 1, 2, 0x80


def event(kind, number, value, time_ms=0):
    return struct.pack("<IhBB", time_ms, value, kind, number)


def test_events_as_the_kernel_writes_them():
    # Axis 1 to -32767 at 1000 ms; button 5 down at 1001 ms.
    data = bytes.fromhex("e8030000 0180 02 01  e9030000 0100 01 05")
    controls = parse_events(AT_REST, data)
    assert controls.axes == (0, -32767, 0, 0, 0, 0, 0, 0)
    assert controls.held == {5}


def test_the_first_events_tell_the_state_and_are_like_any_other():
    controls = parse_events(AT_REST, event(AXIS | INITIAL, 3, 1000) + event(BUTTON | INITIAL, 4, 0))
    assert controls.axes[3] == 1000
    assert controls.held == frozenset()


@given(st.binary(max_size=64))
def test_any_bytes_are_survived(data):
    assert len(parse_events(AT_REST, data).axes) == 8


@pytest.fixture
def folder(tmp_path):
    os.mkfifo(tmp_path / "js0")
    return tmp_path


@pytest.fixture
def writer(folder):
    descriptor = os.open(folder / "js0", os.O_RDWR)  # Both ends, so that nobody waits for the other.
    yield lambda data: os.write(descriptor, data)
    os.close(descriptor)


@pytest.fixture
def device(folder, writer, clock):
    opened = open_gamepad(folder=folder, clock=clock, retry_s=0.01)
    yield opened
    opened.close()


def test_sticks_and_shoulder_buttons(device, writer, clock):
    writer(event(AXIS, 1, -32767) + event(AXIS, 4, -32767) + event(BUTTON, 5, 1))
    wait_until(lambda: device.read().is_active)
    sample = device.read()
    # Away from a person who faces the arm, and up.
    np.testing.assert_array_equal(sample.twist, (-1, 0, 1, 0, 0, 0))
    assert sample.gripper == -1.0
    assert sample.buttons == {"right shoulder"}


def test_a_held_stick_sends_nothing_and_stays_held(device, writer, clock):
    writer(event(AXIS, 0, 32767))
    wait_until(lambda: device.read().is_active)
    clock.now += 60.0
    assert device.read().is_active


def test_an_unplugged_pad_is_zero_and_a_fault(tmp_path, clock):
    os.mkfifo(tmp_path / "js0")
    writer = os.open(tmp_path / "js0", os.O_RDWR)
    device = open_gamepad(folder=tmp_path, clock=clock, retry_s=0.01)
    os.write(writer, event(AXIS, 1, -32767))
    wait_until(lambda: device.read().is_active)
    (tmp_path / "js0").unlink()
    os.close(writer)  # The last writer is gone: end of file.
    wait_until(lambda: not device.read().is_connected)
    assert not device.read().is_active
    assert "was unplugged" in device.fault
    device.close()


def test_none_plugged_in_is_one_sentence(tmp_path):
    assert list_gamepads(tmp_path) == []
    with pytest.raises(DeviceUnavailableError, match=r"no gamepad is plugged in .*SpaceMouse instead"):
        open_gamepad(folder=tmp_path)


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DeviceUnavailableError, match=r"cannot open the gamepad at .*js7"):
        open_gamepad(str(tmp_path / "js7"))


def test_missing_permission_names_the_group(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serl_client.teleop.devices.gamepad.JoystickFile", refuse)
    with pytest.raises(DeviceUnavailableError, match="usermod -aG input"):
        open_gamepad(folder=folder)


def test_nothing_to_read_is_an_empty_report(folder, writer):
    pad = JoystickFile(str(folder / "js0"))
    assert bytes(pad.read(64, 1)) == b""
    pad.close()
