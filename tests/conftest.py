"""What tests of several packages share."""

import contextlib

import pytest
from hypothesis import settings

# Mesa's software renderer and Triton each bring an LLVM. Loading Triton second crashes the process, so it comes first
# here, where one process does both; in the product the simulator and the learner are two processes.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

REAL_TIME = (
    "conformance",
    "integration/test_soft_sync",
    "integration/test_step_response",
    "integration/test_virtual_cell",
    "robot_daemon/drivers",
    "robot_daemon/operations",
    *(f"robot_daemon/test_{name}" for name in ("core", "lifecycle", "main", "session", "witness")),
    "simulator/devices",
    *(f"simulator/test_{name}" for name in ("main", "service", "stall", "timebase")),
    "simulator/virtual",
)
"""Tests of daemons and of virtual hardware, whose time is real."""

settings.register_profile("quick", max_examples=50, deadline=None)
settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Marks the tests that `make test` runs alone, after the others, which share the cores."""
    root = config.rootpath / "tests"
    for item in items:
        if item.path.relative_to(root).as_posix().startswith(REAL_TIME):
            item.add_marker("real_time")


@pytest.fixture
def local_address():
    """An address on loopback with a port that the server picks."""
    return "127.0.0.1:0"
