"""A SpaceMouse that plays reports and can be unplugged, and a clock that stands still."""

import queue
from types import SimpleNamespace

import pytest

from tests.support.clocks import ManualClock

IDENTITY = {
    "vendor_id": 0x256F,
    "product_id": 0xC635,
    "product_string": "SpaceMouse Compact",
    "usage_page": 1,
    "usage": 8,
}


class FakeDevice:
    def __init__(self, mouse):
        self._mouse = mouse
        self.is_open = True

    def read(self, max_bytes, timeout_ms):
        try:
            report = self._mouse.reports.get(timeout=timeout_ms / 1000.0)
        except queue.Empty:
            report = []
        if report is None or not self._mouse.is_plugged:
            raise OSError("read error")
        return list(report)[:max_bytes]

    def close(self):
        self.is_open = False


class FakeMouse:
    def __init__(self, path, **identity):
        self.path = path
        self.identity = IDENTITY | identity
        self.reports = queue.Queue()
        self.is_plugged = True
        self.is_permitted = True
        self.opened = []

    def send(self, text):
        self.reports.put(bytes.fromhex(text))

    def unplug(self):
        self.is_plugged = False
        self.reports.put(None)

    def plug_in(self):
        self.reports = queue.Queue()
        self.is_plugged = True


class FakeHid:
    """What hidapi offers, over fake mice and other devices."""

    def __init__(self, *mice):
        self.mice = mice

    def enumerate(self):
        return [mouse.identity | {"path": mouse.path.encode()} for mouse in self.mice if mouse.is_plugged]

    def open(self, path):
        mouse = next((mouse for mouse in self.mice if mouse.path == path and mouse.is_plugged), None)
        if mouse is None or not mouse.is_permitted:
            raise OSError("open failed")
        mouse.opened.append(FakeDevice(mouse))
        return mouse.opened[-1]


@pytest.fixture
def clock():
    return ManualClock(100.0)


@pytest.fixture(scope="session")
def hid():
    """Makes fakes: `hid.Mouse(path)`, `hid.Module(*mice)`."""
    return SimpleNamespace(Mouse=FakeMouse, Module=FakeHid)
