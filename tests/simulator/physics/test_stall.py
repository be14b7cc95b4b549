import threading
import time

import pytest

from simulator.physics.stall import Stall

pytestmark = pytest.mark.real_time


def test_nothing_waits_while_nothing_stalls():
    Stall().wait_out()


def test_a_stall_ends_after_its_duration():
    stall = Stall()
    start = time.monotonic()
    stall.begin(0.05)
    stall.wait_out()
    assert time.monotonic() - start >= 0.05


def test_a_stall_ends_when_told():
    stall = Stall()
    stall.begin(None)
    passed = threading.Event()
    threading.Thread(target=lambda: (stall.wait_out(), passed.set()), daemon=True).start()
    assert not passed.wait(0.05)
    stall.end()
    assert passed.wait(20.0)
