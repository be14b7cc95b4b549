import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.enums import Pacing
from simulator.devices.cell import build_cell
from simulator.physics.timebase import steps_until
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


@given(now=st.integers(0, 10**6), distance=st.integers(-(10**10), 10**10))
def test_a_time_between_steps_is_rounded_up(now, distance):
    start = now * 2_000_000
    steps = steps_until(start, start + distance)
    reached = start + steps * 2_000_000
    assert reached >= start + distance
    assert steps == 0 or reached - 2_000_000 < start + distance


def test_lockstep_time_passes_only_when_waited_for(cell):
    start = cell.timebase.now_ns()
    assert cell.timebase.pacing is Pacing.LOCKSTEP
    cell.timebase.wait_until(start + 100_000_000)
    assert cell.timebase.now_ns() == start + 100_000_000
    assert cell.arm.read_state().time_ns == start + 100_000_000
    cell.timebase.wait_until(start)
    assert cell.timebase.now_ns() == start + 100_000_000


def test_a_reset_does_not_turn_time_back(cell):
    cell.timebase.wait_until(50_000_000)
    cell.scene.reset(seed=1, start=None, gripper_width=None)
    assert cell.timebase.now_ns() == 50_000_000


def test_a_stall_holds_lockstep_back_until_it_ends(cell):
    cell.scene.stall.begin(None)
    done = threading.Event()

    def step():
        cell.timebase.wait_until(10_000_000)
        done.set()

    threading.Thread(target=step, daemon=True).start()
    assert not done.wait(0.05)
    assert cell.timebase.now_ns() == 0
    cell.scene.stall.end()
    assert done.wait(20.0)


@pytest.fixture
def real_time_cell():
    cell = build_cell("pick-cube", Pacing.REAL_TIME, 0)
    yield cell
    cell.close()


def test_real_time_follows_the_monotonic_clock(real_time_cell):
    timebase = real_time_cell.timebase
    assert timebase.pacing is Pacing.REAL_TIME
    for _ in range(5):
        due_ns = timebase.now_ns() + 20_000_000
        timebase.wait_until(due_ns)
        assert timebase.now_ns() >= due_ns
        state = wait_until(lambda due_ns=due_ns: newer(real_time_cell.arm.read_state(), due_ns))
        assert state.time_ns <= time.monotonic_ns(), "it runs ahead"


def newer(state, time_ns):
    return state if state.time_ns > time_ns else None


def test_real_time_steps_as_often_as_time_asks(real_time_cell):
    physics, timebase = real_time_cell.scene.physics, real_time_cell.timebase
    steps, start = physics.step_count, timebase.now_ns()
    timebase.wait_until(start + 300_000_000)
    elapsed = timebase.now_ns() - start
    assert (physics.step_count - steps) * 2_000_000 == pytest.approx(elapsed, rel=0.4)
