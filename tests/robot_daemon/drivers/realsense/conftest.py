"""Recordings of a camera that does not exist, and the same ones plugged in: librealsense lists a loaded file."""

import contextlib
import time
from types import SimpleNamespace

import pytest

from robot_daemon.drivers.realsense.library import context, free_later, opening
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.errors.robot import DeviceUnavailableError
from simulator.virtual.realsense import Shot, VirtualCamera, draw_pattern, record

FRAMES = 20
CAMERA = VirtualCamera(width=160, height=120, rate_hz=60)


def shots(camera=CAMERA, count=FRAMES):
    for index in range(count):
        colour, depth = draw_pattern(index + 1, camera.width, camera.height)
        yield Shot(number=index + 1, middle_s=index / camera.rate_hz, colour=colour, depth=depth)


@pytest.fixture(scope="session")
def write():
    """Writes a recording: `write(path, camera, count)` returns the path."""

    def write_to(path, camera=CAMERA, count=FRAMES):
        record(path, camera, shots(camera, count))
        return path

    return write_to


@pytest.fixture(scope="session")
def recording(write, tmp_path_factory):
    """Twenty frames of colour and depth at 60 Hz, with every stamp."""
    return write(tmp_path_factory.mktemp("realsense") / "good.db3")


@pytest.fixture
def plug():
    """Plugs recordings in like cameras, and unplugs them: `plug(path)`, `plug.out(path)`."""
    plugged = {}

    def plug_in(path):
        with opening:
            plugged[path] = context().load_device(str(path))

    def plug_out(path):
        with opening:
            playback = plugged.pop(path)
            playback.pause()
            free_later(playback)
            context().unload_device(str(path))

    yield SimpleNamespace(into=plug_in, out=plug_out)
    for path in list(plugged):
        plug_out(path)


@pytest.fixture
def timebase():
    return RealTimebase()


@pytest.fixture
def closing():
    """Closes cameras at the end of a test: `closing(camera)` returns it."""
    with contextlib.ExitStack() as stack:

        def later(camera):
            stack.callback(camera.close)
            return camera

        yield later


@pytest.fixture
def read_all():
    """`read_all(camera)`: every frame until the camera is silent, and what it then says."""
    return drain


def drain(camera, timeout_s=0.5):
    frames = []
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        try:
            frames.append(camera.read(timeout_s))
        except DeviceUnavailableError as error:
            return frames, str(error)
    raise AssertionError("the camera never fell silent")
