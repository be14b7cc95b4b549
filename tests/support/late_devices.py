"""Fake devices that cannot be reached until they are plugged in."""

import threading
from dataclasses import dataclass

from robot_daemon.drivers.fake.cell import ARM, FakeArmOptions, FakeCameraOptions, build_camera
from robot_daemon.hardware.devices import DeviceConnectError


class Plugs:
    """Says which devices are plugged in, and notes which were asked for and which were closed."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Unplugs everything, and forgets what was noted."""
        self.plugged = set()
        self.asked = []
        self.closed = []
        self.answering = threading.Event()
        self.answering.set()

    def connect(self, device, build):
        """Builds a device if it is plugged in, once drivers answer at all."""
        self.asked.append(device)
        self.answering.wait(20.0)
        if device not in self.plugged:
            raise DeviceConnectError(f"no {device} is plugged in")
        built = build()
        close = built.close

        def noted_close():
            self.closed.append(device)
            close()

        built.close = noted_close
        return built


PLUGS = Plugs()


@dataclass(frozen=True, kw_only=True)
class AddressedArmOptions:
    """Options of an arm that has an address."""

    host: str


def arm(name, timebase, options: FakeArmOptions):
    """Builds an arm."""
    return PLUGS.connect("arm", lambda: ARM.build(name, timebase, options))


def camera(name, timebase, options: FakeCameraOptions):
    """Builds a camera."""
    return PLUGS.connect("camera", lambda: build_camera(name, timebase, options))


def addressed_arm(name, timebase, options: AddressedArmOptions):
    """Builds an arm that only one process may own."""
    return PLUGS.connect("arm", lambda: ARM.build(name, timebase, FakeArmOptions()))
