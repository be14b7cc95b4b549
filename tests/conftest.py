"""What tests of several packages share."""

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=50, deadline=None)
settings.load_profile("quick")


@pytest.fixture
def local_address():
    """An address on loopback with a port that the server picks."""
    return "127.0.0.1:0"
