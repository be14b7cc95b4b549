"""Reports to samples, and a mouse that comes and goes. Reports are as the devices send them."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.spacemouse import (
    AT_REST,
    UDEV_RULES,
    installed_hid,
    list_spacemice,
    open_spacemouse,
    parse_report,
)
from tests.support.waiting import wait_until

FULL_AWAY = "01 00 00 A2 FE 00 00"  # y = -350: away from the person.
AT_REST_REPORT = "01 00 00 00 00 00 00"


def parse(*reports):
    controls = AT_REST
    for report in reports:
        controls = parse_report(controls, bytes.fromhex(report))
    return controls


def test_old_layout_sends_translation_and_rotation_apart():
    controls = parse("01 01 00 FE FF 5E 01", "02 00 00 E2 FF 00 00")
    assert controls.axes == (1, -2, 350, 0, -30, 0)


def test_new_layout_sends_both_together():
    controls = parse("01 01 00 FE FF 5E 01 A2 FE 05 00 FA FF")
    assert controls.axes == (1, -2, 350, -350, 5, -6)


def test_a_translation_of_the_old_layout_keeps_the_rotation():
    assert parse("02 07 00 08 00 09 00", "01 01 00 02 00 03 00").axes == (1, 2, 3, 7, 8, 9)


def test_buttons_are_a_little_endian_mask():
    assert parse("03 01 00").held == {0}
    assert parse("03 02 00").held == {1}
    assert parse("03 00 00 00 80 00 00").held == {31}
    assert parse("03 03 00", "03 00 00").held == frozenset()


def test_a_click_is_counted_although_it_is_over():
    before = parse("03 00 00")
    after = parse("03 00 00", "03 01 00", "03 00 00")
    assert after.held == frozenset()
    assert after.clicked_since(before) == {0}
    assert after.clicked_since(after) == frozenset()


def test_the_charge_of_the_battery_changes_nothing():
    assert parse(FULL_AWAY, "17 4B") == parse(FULL_AWAY)


@given(st.binary(max_size=16))
def test_any_bytes_are_survived(data):
    controls = parse_report(AT_REST, data)
    assert len(controls.axes) == 6
    assert all(-32768 <= axis <= 32767 for axis in controls.axes)


@given(st.integers(0, 5))
def test_a_report_that_is_cut_short_changes_nothing(length):
    assert parse_report(AT_REST, bytes.fromhex(FULL_AWAY)[: 1 + length]) == AT_REST


@pytest.fixture
def mouse(hid):
    return hid.Mouse("/dev/hidraw3")


@pytest.fixture
def device(hid, mouse, clock):
    opened = open_spacemouse(hid=hid.Module(mouse), clock=clock, retry_s=0.01)
    yield opened
    opened.close()


def test_the_newest_report_wins(device, mouse):
    for report in (FULL_AWAY, AT_REST_REPORT, "01 5E 01 00 00 00 00"):
        mouse.send(report)
    wait_until(lambda: device.read().twist[1] != 0)
    # Right is minus left; a person who faces the arm has the arm's left, plus y, there.
    np.testing.assert_array_equal(device.read().twist, (0, 1, 0, 0, 0, 0))


def test_a_sample_says_when_it_was_made(device, mouse, clock):
    assert device.read().time == 0.0
    clock.now = 123.0
    mouse.send(FULL_AWAY)
    wait_until(lambda: device.read().is_active)
    assert device.read().time == 123.0


def test_no_report_means_unchanged_for_a_while_and_then_let_go(device, mouse, clock):
    mouse.send(FULL_AWAY)
    wait_until(lambda: device.read().is_active)
    clock.now += 0.19
    assert device.read().is_active
    clock.now += 0.02
    sample = device.read()
    assert not sample.is_active
    assert sample.is_connected


def test_buttons_drive_the_gripper_even_when_clicked_between_two_looks(device, mouse):
    assert device.read().gripper == 0.0
    mouse.send("03 01 00")
    mouse.send("03 00 00")
    mouse.send(FULL_AWAY)
    wait_until(lambda: device._reader.newest.controls.axes[1])
    sample = device.read()
    assert (sample.gripper, sample.buttons) == (-1.0, {"left"})
    assert device.read().gripper == 0.0
    mouse.send("03 02 00")
    wait_until(lambda: device.read().gripper == 1.0)


def test_unplugging_is_zero_and_a_fault_and_plugging_in_ends_it(device, mouse):
    mouse.send(FULL_AWAY)
    wait_until(lambda: device.read().is_active)
    mouse.unplug()
    wait_until(lambda: not device.read().is_connected)
    assert not device.read().is_active
    assert "SpaceMouse Compact at /dev/hidraw3 was unplugged" in device.fault
    mouse.plug_in()
    wait_until(lambda: device.read().is_connected)
    assert device.fault == ""
    assert not device.read().is_active
    mouse.send(FULL_AWAY)
    wait_until(lambda: device.read().is_active)


def test_a_mouse_that_comes_back_under_another_path_is_found(device, mouse):
    mouse.unplug()
    wait_until(lambda: not device.read().is_connected)
    mouse.path = "/dev/hidraw5"
    mouse.plug_in()
    wait_until(lambda: device.read().is_connected)


def test_closing_lets_go_of_the_device(hid, mouse, clock):
    device = open_spacemouse(hid=hid.Module(mouse), clock=clock)
    device.close()
    device.close()
    assert not mouse.opened[0].is_open


def test_two_mice_are_told_apart_by_their_path(hid, clock):
    mice = hid.Mouse("/dev/hidraw1"), hid.Mouse("/dev/hidraw2")
    module = hid.Module(*mice)
    with pytest.raises(DeviceUnavailableError, match="2 SpaceMice are plugged in"):
        open_spacemouse(hid=module)
    left, right = (open_spacemouse(mouse.path, hid=module, clock=clock) for mouse in mice)
    mice[1].send(FULL_AWAY)
    wait_until(lambda: right.read().is_active)
    assert not left.read().is_active
    left.close()
    right.close()


def test_only_spacemice_are_listed_and_each_once(hid):
    module = hid.Module(
        hid.Mouse("/dev/hidraw0", vendor_id=0x046D, product_id=0xC534, product_string="Receiver", usage=2),
        hid.Mouse("/dev/hidraw1"),
        hid.Mouse("/dev/hidraw1"),
        hid.Mouse("/dev/hidraw2", vendor_id=0x046D, product_id=0xC626, product_string="", usage_page=0, usage=0),
        hid.Mouse("/dev/hidraw3", product_id=0xC652, usage=6),
        hid.Mouse("/dev/hidraw4", vendor_id=0x046D, product_id=0xC628, product_string="SpaceNavigator"),
    )
    assert list(map(str, list_spacemice(module))) == [
        "SpaceMouse Compact at /dev/hidraw1",
        "SpaceMouse at /dev/hidraw2",
        "SpaceNavigator at /dev/hidraw4",
    ]


def test_none_plugged_in_is_one_sentence(hid):
    with pytest.raises(DeviceUnavailableError, match=r"no SpaceMouse is plugged in; .*keyboard"):
        open_spacemouse(hid=hid.Module())


def test_missing_permission_comes_with_the_udev_rule(hid, mouse):
    mouse.is_permitted = False
    with pytest.raises(DeviceUnavailableError) as caught:
        open_spacemouse(hid=hid.Module(mouse))
    assert "/dev/hidraw3" in str(caught.value)
    assert UDEV_RULES in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("hidraw") is None, reason="hidapi is not installed")
def test_the_installed_library_loads_and_lists():
    assert isinstance(list_spacemice(installed_hid()), list)


@pytest.mark.hardware
def test_a_real_mouse_opens_and_rests():
    if not list_spacemice():
        pytest.skip("no SpaceMouse is plugged in")
    device = open_spacemouse(list_spacemice()[0].path)
    sample = device.read()
    device.close()
    assert sample.is_connected
    assert not sample.is_active
