import numpy as np

from serl_client.teleop.devices.dead_man import DeadManDevice
from serl_client.teleop.devices.keyboard import KeyboardDevice
from serl_client.teleop.devices.keys import PressedKeys
from serl_client.teleop.opening import TeleopConfig, Teleoperation


def test_nothing_moves_without_the_button(clock):
    keys = PressedKeys(None, clock)
    device = DeadManDevice(KeyboardDevice(keys, clock=clock), "w")
    keys.press("d")
    keys.press("c")
    sample = device.read()
    assert (sample.is_active, sample.is_connected) == (False, True)
    np.testing.assert_array_equal(sample.twist, np.zeros(6))
    keys.press("w")
    assert device.read().is_active
    keys.release("w")
    device.read()  # A click since the sample before counts once.
    assert not device.read().is_active


def test_the_setting_makes_every_device_one_and_says_so(clock):
    keys = PressedKeys(None, clock)
    with Teleoperation("keyboard", TeleopConfig(dead_man="e"), open_keys=lambda: keys) as person:
        keys.press("d")
        assert not person.devices[0].read().is_active
        keys.press("e")
        assert person.devices[0].read().is_active
        assert "hold the e button to move" in person.help
