"""Daemons for the client's tests: fake devices and the simulator, over real sockets."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

import serl_client
from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import Pacing


def serve(address="127.0.0.1:0", pacing=Pacing.LOCKSTEP, **options):
    """A daemon over fake devices: `address`, `cell`, `stop()`."""
    fake = build_fake_cell(pacing=pacing)
    config = ServerConfig(address=address, drain_grace_s=0.1, **options)
    server = DaemonServer(fake.cell, config, LimitsConfig())
    return SimpleNamespace(address=server.start(), fake=fake, stop=server.stop)


@pytest.fixture
def start_daemon():
    """Starts daemons that end with the test at the latest."""
    with ExitStack() as stack:

        def start(*arguments, **options):
            running = serve(*arguments, **options)
            stack.callback(running.stop)
            return running

        yield start


LOCKSTEP = pytest.param(Pacing.LOCKSTEP, id="lockstep")
REAL_TIME = pytest.param(Pacing.REAL_TIME, id="real-time", marks=pytest.mark.real_time)


@pytest.fixture(params=[LOCKSTEP, REAL_TIME])
def daemon(request):
    running = serve(pacing=request.param)
    yield running
    running.stop()


@pytest.fixture
def lockstep_daemon():
    running = serve()
    yield running
    running.stop()


@pytest.fixture(params=[REAL_TIME])
def real_time_daemon(request):
    running = serve(pacing=request.param)
    yield running
    running.stop()


@pytest.fixture
def robot(lockstep_daemon):
    with serl_client.RobotClient(lockstep_daemon.address) as client:
        yield client
