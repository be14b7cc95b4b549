"""Pictures of a virtual arm's scene through the RealSense driver: they are the simulator's, fresh, and come back."""

import numpy as np
import pytest

from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import StampSource
from serl_api.errors.robot import DeviceUnavailableError
from tests.support.waiting import wait_until

rs = pytest.importorskip("robot_daemon.drivers.realsense.library", exc_type=ImportError)
pytestmark = pytest.mark.real_time

SIZE = 64


@pytest.fixture(scope="module")
def fci():
    from simulator.virtual.fci import VirtualFciProcess

    with VirtualFciProcess(task="pick-cube", lost_packet_limit=2000) as process:
        yield process


@pytest.fixture
def serve(fci, tmp_path):
    """Starts live cameras, again if they have ended."""
    from simulator.virtual.realsense.picture_server import PictureServer

    servers = []

    def start():
        servers.append(PictureServer(fci.control_path, tmp_path / "s", width=SIZE, height=SIZE, rate_hz=30))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect(tmp_path):
    from simulator.virtual.realsense.live_camera import LiveCameraOptions, build_camera

    cameras = []

    def build(name, **options):
        cameras.append(build_camera(name, RealTimebase(), LiveCameraOptions(socket=tmp_path / "s", **options)))
        return cameras[-1]

    yield build
    for camera in cameras:
        camera.close()


def newest(camera):
    """The next frame whose stamp is the camera's own: the first ones are late, because shaders are compiled."""
    while (frame := camera.read(20.0)).stamp_source is not StampSource.SENSOR:
        pass
    return frame


def test_what_the_driver_delivers_is_what_the_simulator_renders(fci, serve, connect):
    from serl_api.enums import Pacing
    from simulator.devices.cell import cell_of, load_world
    from simulator.physics.rendering import Past, View

    serve()
    camera = connect("front")
    assert (camera.info.width, camera.info.height, camera.info.rate_hz) == (SIZE, SIZE, 30.0)
    fci.reset_scene(7)
    wait_until(lambda: (frame := newest(camera)).time_ns > 0 and fci.scene()["seed"] == 7 and frame)
    for _ in range(5):  # What was on its way.
        frame = newest(camera)
    world = load_world("pick-cube", "panda", 7)
    cell = cell_of(world, Pacing.LOCKSTEP)
    try:
        expected, _ = world.renderer.render(
            View(camera="front", width=SIZE, height=SIZE), Past(np.array(fci.scene()["qpos"]), 0)
        )
    finally:
        cell.close()
    assert np.abs(frame.rgb.astype(int) - expected).mean() < 1.0
    assert frame.rgb.std() > 10.0


def test_stamps_are_the_instants_that_are_shown(serve, connect):
    serve()
    camera = connect("wrist")
    frames = [newest(camera) for _ in range(5)]
    ages_ms = [(frame.receive_time_ns - frame.time_ns) * 1e-6 for frame in frames]
    assert 0.0 <= min(ages_ms) < 150.0
    assert np.all(np.diff([frame.number for frame in frames]) >= 1)


def test_the_options_of_the_driver_hold(serve, connect):
    serve()
    camera = connect("looking", view="front", crop_px=(0, 0, 32, 64), output_px=(16, 32))
    assert newest(camera).rgb.shape == (32, 16, 3)
    assert camera.info.name == "looking"


def test_cameras_that_end_are_lost_and_return(serve, connect):
    server = serve()
    camera = connect("front")
    first = newest(camera)
    server.close()

    def is_lost():
        try:
            camera.read(0.01)
        except DeviceUnavailableError as error:
            return "no virtual cameras" in str(error) or "have ended" in str(error)
        return False

    wait_until(is_lost)
    serve()
    assert newest(camera).number > first.number


def test_what_is_not_there_is_one_sentence(serve, connect):
    with pytest.raises(
        DeviceConnectError, match=r"camera front: no virtual cameras at .*start them with: serl-virtual"
    ):
        connect("front")
    serve()
    with pytest.raises(DeviceConnectError, match=r'no camera "side".*front'):
        connect("side")
