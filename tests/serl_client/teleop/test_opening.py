"""Devices and keys by name; what is said where something is missing."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_api.errors.robot import DeviceUnavailableError
from serl_api.plugins import PluginError
from serl_client.teleop.devices import spacemouse
from serl_client.teleop.devices.keys import PressedKeys
from serl_client.teleop.opening import TeleopConfig, Teleoperation
from tests.support.waiting import wait_until


class Keys(PressedKeys):
    def __init__(self):
        super().__init__(None)
        self.is_open = True

    def close(self):
        self.is_open = False


class ArmEnv(gymnasium.Env):
    action_space = spaces.Box(-1, 1, (4,), np.float32)
    gripper_action = "binary"
    max_gripper_width = 0.08


@pytest.fixture
def keys():
    return Keys()


@pytest.mark.trap
def test_a_keyboard_drives_through_keys_and_lets_them_go(keys):
    with Teleoperation("keyboard", TeleopConfig(viewpoint="behind"), open_keys=lambda: keys) as person:
        keys.press("w")
        assert person.devices[0].read().twist.tolist() == [1, 0, 0, 0, 0, 0]
        assert "w/s away and back" in person.help
    assert not keys.is_open


def test_settings_reach_the_device(keys):
    config = TeleopConfig(viewpoint="facing", translation_scale=0.5, rotation_scale=0.0)
    with Teleoperation("keyboard", config, open_keys=lambda: keys) as person:
        for key in "wj":
            keys.press(key)
        assert person.devices[0].read().twist.tolist() == pytest.approx([-0.5, 0, 0, 0, 0, 0])


@pytest.mark.trap
def test_the_teacher_knows_the_environments_gripper(keys):
    with Teleoperation("keyboard", open_keys=lambda: keys) as person:
        source = person.intervention_source(ArmEnv(), is_alone=True)
        source.reset({}, {"gripper_width": 0.08})
        assert source.intervene(np.zeros(4, np.float32), {}, {}).tolist() == [0, 0, 0, 0]
        keys.press("c")
        assert source.intervene(np.zeros(4, np.float32), {}, {}).tolist() == [0, 0, 0, -1]


def test_two_mice_by_their_paths(hid, monkeypatch):
    mice = hid.Mouse("/dev/hidraw1"), hid.Mouse("/dev/hidraw2")
    monkeypatch.setattr(spacemouse, "installed_hid", lambda: hid.Module(*mice))
    with Teleoperation("spacemouse", TeleopConfig(device_paths=("/dev/hidraw2", "/dev/hidraw1"))) as person:
        mice[1].send("01 5E 01 00 00 00 00")
        wait_until(lambda: person.devices[0].read().is_active)
        assert not person.devices[1].read().is_active
        env = ArmEnv()
        env.action_space = gymnasium.spaces.Box(-1.0, 1.0, (14,), np.float32)
        source = person.intervention_source(env)
        source.reset({}, {})
        policy = np.full(14, 0.125, np.float32)
        taken = source.intervene(policy, {}, {})
        assert taken is not None
        assert np.abs(taken[:6]).max() > 0.5
        assert taken[7:].tolist() == policy[7:].tolist()
        env.action_space = gymnasium.spaces.Box(-1.0, 1.0, (7,), np.float32)
        with pytest.raises(ValueError, match="2 devices cannot drive"):
            person.intervention_source(env)
    assert not any(device.is_open for mouse in mice for device in mouse.opened)


def test_what_was_opened_is_let_go_when_the_next_is_missing(hid, monkeypatch, keys):
    mouse = hid.Mouse("/dev/hidraw1")
    monkeypatch.setattr(spacemouse, "installed_hid", lambda: hid.Module(mouse))
    with pytest.raises(DeviceUnavailableError, match="/dev/hidraw7"):
        Teleoperation("spacemouse", TeleopConfig(device_paths=("/dev/hidraw1", "/dev/hidraw7")), open_keys=lambda: keys)
    assert not mouse.opened[0].is_open
    assert not keys.is_open


def test_a_device_drives_without_a_terminal_but_cannot_judge(hid, monkeypatch):
    monkeypatch.setattr(spacemouse, "installed_hid", lambda: hid.Module(hid.Mouse("/dev/hidraw1")))
    monkeypatch.setattr("sys.stdin", None)
    with Teleoperation("spacemouse") as person:
        assert not person.keys.take("p")
        with pytest.raises(DeviceUnavailableError, match="--human-reward needs keys"):
            person.require_keys("--human-reward")


def test_a_keyboard_has_no_path(keys):
    with pytest.raises(DeviceUnavailableError, match="no device path"):
        Teleoperation("keyboard", TeleopConfig(device_paths=("/dev/input/js0",)), open_keys=lambda: keys)


def test_a_hold_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"hold_s is -1.0; it must be at least 0"):
        TeleopConfig(hold_s=-1.0)


def test_a_strangers_device_is_named_by_its_path_and_an_unknown_one_lists_what_there_is(tmp_path, monkeypatch, keys):
    (tmp_path / "own_device.py").write_text(
        "from types import SimpleNamespace\n"
        "from serl_client.teleop.plugin import TeleopPlugin\n"
        "DIALS = TeleopPlugin(open=lambda path, keys, apply:\n"
        "    SimpleNamespace(name=f'dials at {path}', help='turn them', close=lambda: None))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with Teleoperation("own_device:DIALS", TeleopConfig(device_paths=("/dev/a",)), open_keys=lambda: keys) as person:
        assert person.help == "dials at /dev/a: turn them"
    with pytest.raises(PluginError, match=r"did you mean spacemouse of serl-robot.* gamepad, keyboard, spacemouse"):
        Teleoperation("spacemous", open_keys=lambda: keys)
