"""A cell of which a device cannot be reached yet: what is tried again, what is answered, what ends it."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

from robot_daemon.config.cell_builder import CellBuilder
from robot_daemon.config.cell_config import DaemonConfig, DriverConfig, ServerConfig, load_config
from robot_daemon.control.active_cell import close_cell
from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.operations.checks.device_check import check_devices
from robot_daemon.operations.connecting import connect
from robot_daemon.operations.notify import Notifier
from serl_api.enums import ArmMode
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.lifetime.stop_signal import StopSignal
from serl_client import CameraClient, RobotClient
from tests.support.late_devices import PLUGS
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

CONFIG = DaemonConfig(
    name="bench",
    arm=DriverConfig(driver="tests.support.late_devices:arm"),
    cameras={"wrist": DriverConfig(driver="tests.support.late_devices:camera")},
    server=ServerConfig(address="127.0.0.1:0", drain_grace_s=0.1),
)
WAITS = "the cell bench waits for cameras.wrist: no camera is plugged in"


@pytest.fixture(autouse=True)
def plugs():
    """An arm that is there, and a camera that is not."""
    PLUGS.reset()
    PLUGS.plugged = {"arm"}
    return PLUGS


@pytest.fixture
def waiting(manager, plugs):
    """A daemon that waits for its camera, as a future, what stops it, and its address."""
    stop = StopSignal()
    with contextlib.closing(Notifier(manager.address, 5.0)) as notifier, ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(connect, CONFIG, stop, notifier, retry_s=0.02)
        yield connecting, stop
        stop.set()


@pytest.fixture
def address(waiting, caplog):
    """The address at which a daemon that waits answers."""
    caplog.set_level("INFO")
    wait_until(lambda: "listening on " in caplog.text)
    return caplog.text.partition("listening on ")[2].split()[0]


def test_only_what_is_missing_is_tried_again_and_all_of_it_is_named(plugs):
    plugs.plugged = set()
    builder = CellBuilder(CONFIG)
    assert builder.connect() == {"arm": "no arm is plugged in", "cameras.wrist": "no camera is plugged in"}
    plugs.plugged = {"arm"}
    assert list(builder.connect()) == ["cameras.wrist"]
    plugs.plugged = {"camera"}
    assert builder.connect() == {}
    assert plugs.asked == ["arm", "camera", "arm", "camera", "camera"]
    close_cell(builder.cell())
    builder.close()
    assert sorted(plugs.closed) == ["arm", "camera"]


def test_what_answered_is_let_go_when_nobody_wants_to_wait(plugs):
    with pytest.raises(DeviceConnectError, match=r"^no camera is plugged in$"):
        connect(CONFIG, StopSignal(), Notifier(), waits=False)
    assert plugs.closed == ["arm"]


def test_a_stop_ends_the_waiting_and_lets_go_of_what_answered(waiting, manager, plugs):
    connecting, stop = waiting
    wait_until(lambda: plugs.asked.count("camera") >= 3)
    assert f"READY=1\nSTATUS={WAITS}" in manager.drain()
    stop.set()
    assert connecting.result(20.0) is None
    assert plugs.closed == ["arm"]


def test_the_watchdog_is_fed_while_a_driver_takes_its_time(waiting, manager, plugs):
    wait_until(lambda: plugs.asked.count("camera") >= 1)
    plugs.answering.clear()
    asked = len(plugs.asked)
    wait_until(lambda: len(plugs.asked) > asked)
    manager.drain()
    wait_until(lambda: "WATCHDOG=1" in manager.drain())
    plugs.answering.set()


def test_calls_say_meanwhile_what_is_missing(waiting, address):
    with pytest.raises(DeviceUnavailableError, match=WAITS):
        RobotClient(address)
    with pytest.raises(DeviceUnavailableError, match=WAITS):
        CameraClient(address)
    with grpc.insecure_channel(address) as channel:
        stub = robot_service_pb2_grpc.RobotServiceStub(channel)
        state = stub.GetState(robot_service_pb2.GetStateRequest(), timeout=5.0).state
        assert ArmMode(state.mode) is ArmMode.DISCONNECTED
        assert [fault.id for fault in state.faults] == ["not_connected.cameras.wrist"]
        faults = stub.ListFaults(robot_service_pb2.ListFaultsRequest(), timeout=5.0)
        assert [fault.text for fault in faults.active_faults] == ["no camera is plugged in"]
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.StreamState(robot_service_pb2.StreamStateRequest(), timeout=5.0))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5.0)
        assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_stop_of_the_arm_is_kept_until_the_cell_is_there_at_the_same_address(waiting, address, plugs):
    connecting, _ = waiting
    with grpc.insecure_channel(address) as channel:
        stub = robot_service_pb2_grpc.RobotServiceStub(channel)
        assert stub.Stop(robot_service_pb2.StopRequest(client_name="bob"), timeout=5.0).state.stop_latched
        assert not stub.ClearStop(robot_service_pb2.ClearStopRequest(), timeout=5.0).state.stop_latched
        stub.Stop(robot_service_pb2.StopRequest(client_name="ada", text="drill"), timeout=5.0)
    plugs.plugged.add("camera")
    connected = connecting.result(20.0)
    assert connected.server.address == address
    assert (connected.stopped.client_name, connected.stopped.text) == ("ada", "drill")
    assert list(connected.cell.cameras) == ["wrist"]
    close_cell(connected.cell)


@pytest.fixture
def cell_of(tmp_path):
    """Cells of an arm of one address, each with a file of its own."""
    host = "127.{}.{}.{}".format(*os.urandom(3))

    def load(name):
        path = tmp_path / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\n[server]\naddress = "127.0.0.1:0"\n[arm]\n'
            f'driver = "tests.support.late_devices:addressed_arm"\nhost = "{host}"\n'
        )
        return load_config(path)

    return load


def test_a_second_daemon_of_an_arm_waits_for_the_first_and_names_it(cell_of, manager):
    first = connect(cell_of("left"), StopSignal(), Notifier(), waits=False)
    held = rf"^the arm 127\.\S+ is held by process {os.getpid()} \(\S+/left\.toml\); end that one first$"
    with pytest.raises(DeviceConnectError, match=held):
        connect(cell_of("right"), StopSignal(), Notifier(), waits=False)
    stop = StopSignal()
    with contextlib.closing(Notifier(manager.address, 5.0)) as notifier, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connect, cell_of("right"), stop, notifier, retry_s=0.02)
        wait_until(lambda: any("is held by process" in message for message in manager.drain()))
        close_cell(first.cell)
        second = waiting.result(20.0)
    close_cell(second.cell)


def test_an_arm_is_free_again_when_its_driver_failed_or_another_device_was_missing(cell_of, plugs):
    plugs.plugged = set()
    builder = CellBuilder(cell_of("left"))
    assert builder.connect() == {"arm": "no arm is plugged in"}
    plugs.plugged = {"arm"}
    other = CellBuilder(cell_of("right"))
    assert other.connect() == {}
    assert "is held by" in builder.connect()["arm"]
    other.close()
    assert builder.connect() == {}
    builder.close()


def test_a_check_leaves_an_arm_alone_that_a_daemon_holds(cell_of, plugs):
    connected = connect(cell_of("left"), StopSignal(), Notifier(), waits=False)
    (finding,) = check_devices(cell_of("right"))
    assert "left.toml" in finding.text
    assert plugs.asked == ["arm"]
    close_cell(connected.cell)
    assert "7 joints" in check_devices(cell_of("right"))[0].text
