"""What tests of several packages share."""

import contextlib

import pytest
from hypothesis import settings

# Mesa's software renderer and Triton each bring an LLVM. Loading Triton second crashes the process, so it comes first
# here, where one process does both; in the product the simulator and the learner are two processes.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

pytest_plugins = ["tests.support.noise", "tests.support.real_time", "tests.support.simulation"]

settings.register_profile("quick", max_examples=50, deadline=None)
settings.load_profile("quick")


@pytest.fixture
def local_address():
    """An address on loopback with a port that the server picks."""
    return "127.0.0.1:0"
