"""Targets of the conformance suite: every daemon must pass it, over a real socket."""

from types import SimpleNamespace

import pytest

from serl_client import RobotClient

TARGETS = ["fake-real-time", "fake-lockstep", "simulator-real-time", "simulator-lockstep"]


def fake_target(pacing):
    from robot_daemon.config import LimitsConfig, ServerConfig
    from robot_daemon.drivers.fake import build_fake_cell
    from robot_daemon.server import DaemonServer

    fake = build_fake_cell(pacing=pacing)
    server = DaemonServer(fake.cell, ServerConfig(address="127.0.0.1:0", drain_grace_s=0.2), LimitsConfig())

    def inject(name, camera=None):
        if name == "contact_reflex":
            fake.arm.inject_fault("contact_reflex")
        elif name == "camera_dropout":
            fake.cameras[camera].is_delivering = False

    def clear():
        for camera in fake.cameras.values():
            camera.is_delivering = True

    return server, inject, clear


def simulator_target(pacing):
    pytest.importorskip("mujoco")
    cell_module = pytest.importorskip("simulator.cell")
    server_module = pytest.importorskip("simulator.server")
    import grpc
    from serl.simulator.v1 import simulator_service_pb2 as messages
    from serl.simulator.v1 import simulator_service_pb2_grpc

    cell = cell_module.build_cell("pick-cube", pacing, 0)
    server = server_module.build_server(cell, "127.0.0.1:0")
    stub = None

    def service():
        nonlocal stub
        stub = stub or simulator_service_pb2_grpc.SimulatorServiceStub(grpc.insecure_channel(server.bound_address))
        return stub

    def inject(name, camera=None):
        fault = {"contact_reflex": messages.ContactReflex(), "camera_dropout": messages.CameraDropout(camera=camera)}
        service().InjectFault(messages.InjectFaultRequest(**{name: fault[name]}))

    def clear():
        service().ClearInjections(messages.ClearInjectionsRequest())

    return server, inject, clear


@pytest.fixture(scope="session", params=TARGETS)
def target(request):
    """A running daemon: `address`, `is_lockstep`, `inject(name, camera=None)`, `clear()`."""
    from robot_daemon.devices import Pacing

    kind, _, pacing_name = request.param.partition("-")
    pacing = Pacing.LOCKSTEP if pacing_name == "lockstep" else Pacing.REAL_TIME
    build = fake_target if kind == "fake" else simulator_target
    server, inject, clear = build(pacing)
    address = server.start()
    yield SimpleNamespace(
        address=address, kind=kind, is_lockstep=pacing is Pacing.LOCKSTEP, inject=inject, clear=clear, server=server
    )
    server.stop()


@pytest.fixture
def client(target):
    """A client of a target that is at home, recovered, not stopped and not held."""
    with RobotClient(target.address) as robot:
        with robot.control("conformance set-up") as session:
            session.reset(seed=0, speed_ratio=1.0)
        yield robot
        target.clear()
        robot.recover()
        robot.clear_stop()


@pytest.fixture
def until(target):
    """Waits for a state that satisfies a condition, and returns it."""

    def wait(robot, condition):
        last = None
        for count, state in enumerate(robot.stream_states(100.0)):
            last = state
            if condition(state):
                return state
            if count > 300:
                break
        raise AssertionError(f"not within 3 s; the last mode was {last.mode.name}, held by {last.control_holder!r}")

    return wait
