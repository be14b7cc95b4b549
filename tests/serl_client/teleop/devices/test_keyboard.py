import dataclasses

import numpy as np
import pytest

from serl_client.teleop.devices.keyboard import AXES, HELP, MOTION_KEYS, KeyboardDevice
from serl_client.teleop.devices.keys import PressedKeys


@pytest.fixture
def keys(clock):
    return PressedKeys(None, clock)


def hold(keys, names):
    for name in names:
        keys.press(name)


@pytest.mark.parametrize(
    ("names", "twist"),
    [
        (["w"], (1, 0, 0, 0, 0, 0)),
        (["up", "a", "e"], (1, 1, 1, 0, 0, 0)),
        (["w", "up"], (1, 0, 0, 0, 0, 0)),
        (["w", "s"], (0, 0, 0, 0, 0, 0)),
        (["u", "i", "l"], (0, 0, 0, -1, 1, -1)),
    ],
)
def test_keys_from_behind_the_arm(keys, clock, names, twist):
    device = KeyboardDevice(keys, dataclasses.replace(AXES, viewpoint="behind"), clock=clock)
    hold(keys, names)
    np.testing.assert_array_equal(device.read().twist, twist)


def test_facing_the_arm_away_is_towards_its_base(keys, clock):
    hold(keys, ["w", "a", "e"])
    np.testing.assert_array_equal(KeyboardDevice(keys, clock=clock).read().twist, (-1, -1, 1, 0, 0, 0))


def test_a_tap_between_two_looks_moves_once(keys, clock):
    device = KeyboardDevice(keys, clock=clock)
    keys.press("w")
    keys.release("w")
    assert device.read().is_active
    assert not device.read().is_active


def test_gripper_and_time(keys, clock):
    device = KeyboardDevice(keys, clock=clock)
    assert device.read().time == 0.0
    keys.press("c")
    sample = device.read()
    assert (sample.gripper, sample.time) == (-1.0, 100.0)
    keys.release("c")
    keys.press("v")
    assert device.read().gripper == 1.0


def test_other_keys_are_left_to_others(keys, clock):
    keys.press("p")
    KeyboardDevice(keys, clock=clock).read()
    assert keys.take("p")


def test_the_help_names_every_letter():
    assert all(key in HELP for key in MOTION_KEYS if len(key) == 1)
