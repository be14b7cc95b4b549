"""What a person is told about the devices they could drive with."""

import os

import numpy as np
import pytest

from serl_client.cli import teleoperation
from serl_client.cli.options import UsageError
from serl_client.cli.teleoperation import TeleopDevices, device_lines, sample_line
from serl_client.teleop.devices.device import TeleopSample, still_sample
from serl_client.teleop.devices.spacemouse import UDEV_RULES, SpaceMouseInfo


@pytest.fixture
def plugged(monkeypatch):
    def plug(*, mice=(), pads=()):
        monkeypatch.setattr(teleoperation, "list_spacemice", lambda: [SpaceMouseInfo(path, "Compact") for path in mice])
        monkeypatch.setattr(teleoperation, "list_gamepads", lambda: list(pads))

    return plug


def test_none_is_one_sentence(plugged, capsys):
    plugged()
    TeleopDevices().run()
    assert capsys.readouterr().out.splitlines() == [
        "no SpaceMouse is plugged in, and no gamepad that may be read (join the group input)",
        "keyboard: always there, in a terminal",
    ]


def test_devices_that_may_be_opened(plugged, tmp_path):
    path = tmp_path / "hidraw3"
    path.touch()
    plugged(mice=[str(path), "1-2:1.0"], pads=[str(path)])
    assert device_lines()[:3] == [f"Compact at {path}", "Compact at 1-2:1.0", f"gamepad at {path}"]


def test_a_missing_permission_comes_with_the_rule(plugged, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    plugged(mice=["/dev/hidraw3"])
    lines = device_lines()
    assert lines[0] == "Compact at /dev/hidraw3: no permission"
    assert UDEV_RULES in lines[1]


def test_a_sample_in_one_line():
    sample = TeleopSample(
        twist=np.array((0.5, 0, -1, 0, 0, 0)), gripper=-1.0, buttons=frozenset(("left",)), time=0.0, is_connected=True
    )
    assert sample_line(sample, "") == (
        "x +0.50  y +0.00  z -1.00  rx +0.00  ry +0.00  rz +0.00  gripper -1  buttons left"
    )
    assert sample_line(still_sample(0.0, is_connected=False), "it was unplugged") == "it was unplugged"


def test_a_rate_that_cannot_work_is_refused():
    with pytest.raises(UsageError, match="--rate-hz is 0"):
        TeleopDevices(rate_hz=0).run()
