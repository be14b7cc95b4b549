"""Targets of the conformance suite: every daemon must pass it, over a real socket."""

import contextlib
import functools
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from serl.simulator.v1 import simulator_service_pb2 as simulator_messages
from serl.simulator.v1 import simulator_service_pb2_grpc

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_builder import build_cell
from robot_daemon.config.cell_config import DaemonConfig, DriverConfig, LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import Pacing
from serl_api.errors.robot import LimitExceededError
from serl_api.values import JointTarget
from serl_client import RobotClient

LIVE = pytest.mark.real_time
TARGETS = [
    pytest.param("fake-real-time", marks=LIVE),
    "fake-lockstep",
    pytest.param("simulator-real-time", marks=LIVE),
    "simulator-lockstep",
    pytest.param("virtual-real-time", marks=LIVE),
    pytest.param("nasty-real-time", marks=[LIVE, pytest.mark.slow]),
    pytest.param("own-real-time", marks=[LIVE, pytest.mark.slow]),
    pytest.param("right-lockstep", marks=pytest.mark.slow),
    pytest.param("right-real-time", marks=[LIVE, pytest.mark.slow]),
]


QUICK = LimitsConfig(
    step_translation_m=0.1,
    step_rotation_rad=0.5,
    tcp_speed_m_per_s=1.0,
    tcp_rotation_rad_per_s=2.0,
    move_speed_m_per_s=0.5,
    move_rotation_rad_per_s=1.5,
)
"""Bounds of the fake cell, as quick as the simulator's, so that its motions take no longer."""


def serve_fake(pacing):
    fake = build_fake_cell(pacing=pacing)
    server = DaemonServer(fake.cell, ServerConfig(address="127.0.0.1:0", drain_grace_s=0.2), QUICK)

    def inject(_channel, name, camera=None):
        if name == "contact_reflex":
            fake.arm.inject_fault("contact_reflex")
        elif name == "camera_dropout":
            fake.cameras[camera].is_delivering = False
        elif name == "hand_guiding":
            fake.arm.take_by_hand()

    def clear(_channel):
        fake.arm.let_go()
        for camera in fake.cameras.values():
            camera.is_delivering = True

    return server, inject, clear


def serve_simulator(pacing):
    pytest.importorskip("mujoco")
    from simulator.api.server import build_server

    server = build_server("pick-cube", pacing, 0, config=ServerConfig(address="127.0.0.1:0", drain_grace_s=0.2))
    return server, *injection_of_simulator()


def serve_right(pacing):
    """The right arm of two in one scene: another's base, and time that both share."""
    pytest.importorskip("mujoco")
    from simulator.api.server import build_servers

    config = ServerConfig(address="127.0.0.1:0", drain_grace_s=0.2)
    left, right = build_servers("hand-over", pacing, 0, config=config)

    def stop():
        right.stop()
        left.stop()

    left.start()
    return SimpleNamespace(start=right.start, stop=stop), *injection_of_simulator()


def injection_of_simulator():
    """What injects a fault by a channel to a simulator, and what clears all."""

    def inject(channel, name, camera=None):
        stub = simulator_service_pb2_grpc.SimulatorServiceStub(channel)
        if name == "contact_reflex":
            request = simulator_messages.InjectFaultRequest(contact_reflex=simulator_messages.ContactReflex())
        elif name == "hand_guiding":
            request = simulator_messages.InjectFaultRequest(hand_guiding=simulator_messages.HandGuiding())
        else:
            dropout = simulator_messages.CameraDropout(camera=camera)
            request = simulator_messages.InjectFaultRequest(camera_dropout=dropout)
        stub.InjectFault(request, timeout=5.0)

    def clear(channel):
        stub = simulator_service_pb2_grpc.SimulatorServiceStub(channel)
        stub.ClearInjections(simulator_messages.ClearInjectionsRequest(), timeout=5.0)

    return inject, clear


class VirtualHardware:
    """The real daemon with the real drivers, as a process, before virtual hardware; has the methods of a server."""

    def __init__(self, *, is_nasty=False):
        from simulator.virtual.cell import VirtualCell
        from simulator.virtual.imperfections import NASTY, PERFECT

        imperfections = NASTY if is_nasty else PERFECT
        self.cell = VirtualCell(recordings=("front",), lost_packet_limit=500, imperfections=imperfections, seed=3)

    def start(self):
        self.cell.start()
        with RobotClient(self.cell.address) as robot:  # Its gripper is activated for a few seconds.
            next(state for state in robot.stream_states(20.0) if not state.faults)
        return self.cell.address

    def stop(self):
        self.cell.close()

    def inject(self, name):
        if name == "hand_guiding":
            self.cell.fci.inject("guide")
            return
        if name != "contact_reflex":
            pytest.skip("a recording cannot be unplugged; the tests of the RealSense driver do that")
        self.cell.fci.inject("reflex", kind="cartesian_reflex")
        with RobotClient(self.cell.address) as robot:  # The arm stops at once; its state takes a millisecond or two.
            next(state for state in robot.stream_states(200.0) if state.faults)


def serve_virtual(_pacing, *, is_nasty=False):
    for module in ("mujoco", "franky", "pymodbus", "robot_daemon.drivers.realsense"):
        pytest.importorskip(module, exc_type=ImportError)
    server = VirtualHardware(is_nasty=is_nasty)
    return server, lambda _channel, name, camera=None: server.inject(name), lambda _channel: server.cell.fci.clear()


def serve_own(_pacing):
    """The arm of `examples/own_arm_driver` with a fake gripper and camera: a stranger's driver keeps the contract."""
    folder = str(Path(__file__).parents[2] / "examples" / "own_arm_driver")
    sys.path.append(folder)
    try:
        fake = DriverConfig(driver="fake")
        own = DaemonConfig(arm=DriverConfig(driver="own_arm_driver:build"), gripper=fake, cameras={"front": fake})
        cell = build_cell(own)
    finally:
        sys.path.remove(folder)
    server = DaemonServer(cell, ServerConfig(address="127.0.0.1:0", drain_grace_s=0.2), LimitsConfig())

    def inject(_channel, name, camera=None):
        pytest.skip(f"a driver of a few lines has no {name}; the fake arm has")

    return server, inject, lambda _channel: None


SERVE = {
    "fake": serve_fake,
    "simulator": serve_simulator,
    "right": serve_right,
    "virtual": serve_virtual,
    "nasty": functools.partial(serve_virtual, is_nasty=True),
    "own": serve_own,
}


@pytest.fixture(scope="package", params=TARGETS)
def target(request):
    """A running daemon: address, is_lockstep, channel, robot, inject(name, camera=None), clear()."""
    kind, _, pacing_name = request.param.partition("-")
    pacing = Pacing.LOCKSTEP if pacing_name == "lockstep" else Pacing.REAL_TIME
    server, inject, clear = SERVE[kind](pacing)
    address = server.start()
    with grpc.insecure_channel(address) as channel, RobotClient(address) as robot:
        yield SimpleNamespace(
            address=address,
            is_lockstep=pacing is Pacing.LOCKSTEP,
            channel=channel,
            robot=robot,
            inject=lambda name, camera=None: inject(channel, name, camera),
            clear=lambda: clear(channel),
        )
    server.stop()


STRAY_RAD = 0.25
"""How far each joint may be from home when a test begins, rad."""


@pytest.fixture
def client(target, request):
    """A client of a target that stands in a posture drawn by the file's name, recovered, not stopped and not held.

    One posture a file, as a motion in real time from one to the next takes most of a second.
    """
    rng = np.random.default_rng(zlib.crc32(request.path.name.encode()))
    with target.robot.control("conformance set-up") as session:
        start_anywhere(session, target.robot.info.arm.home, rng)
    yield target.robot
    target.clear()
    target.robot.recover()
    target.robot.clear_stop()


def start_anywhere(session, home, rng):
    """Resets to joints about home, drawn again where the daemon refuses them: the tool or the elbow leaves the box."""
    for _ in range(20):
        joints = home + rng.uniform(-STRAY_RAD, STRAY_RAD, len(home))
        with contextlib.suppress(LimitExceededError):
            session.reset(seed=0, start=JointTarget(positions=joints), speed_ratio=1.0)
            return
    raise AssertionError("no posture about home is allowed")


@pytest.fixture
def until():
    """Waits for a state that satisfies a condition, and returns it."""

    def wait(robot, condition):
        stream = robot.stream_states(100.0)
        for _ in range(300):
            state = next(stream)
            if condition(state):
                stream.close()
                return state
        raise AssertionError(f"not within 3 s; the last mode was {state.mode.name}, held by {state.control_holder!r}")

    return wait
