"""Daemons for the client's tests: fake devices and the simulator, over real sockets."""

from contextlib import ExitStack

import pytest

import serl_client
from serl_api.enums import Pacing
from tests.support.daemons import serve


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
