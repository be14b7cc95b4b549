"""Simulators that tests of several packages share."""

import pytest

from serl_api.enums import Pacing


@pytest.fixture(scope="session")
def simulator_address():
    """One lockstep simulator for all tests; each opens its own session."""
    pytest.importorskip("mujoco")
    server = pytest.importorskip("simulator.api.server").build_server("pick-cube", Pacing.LOCKSTEP, 0)
    yield server.start()
    server.stop()
