"""The same law three times: inside MuJoCo, by franky against the virtual arm, and a spring and a damper on paper."""

from dataclasses import replace

import numpy as np
import pytest

from robot_daemon.hardware.timebase import RealTimebase
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FullCompliance, Pose
from simulator.devices.cell import build_cell
from simulator.model.arm_table import PANDA
from simulator.model.gripper_model import TCP_OFFSET
from tests.support.bounds import FREE
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

STEP_M = 0.02
CYCLES = 1200
"""Milliseconds of the response; the virtual arm does one cycle in each."""
GRID = np.arange(20, CYCLES + 1, 20)
"""Cycles at which the responses are compared."""
COMPLIANCE = FullCompliance(nullspace_stiffness=10.0)
JUMP_NM = 2.0
"""By how much the torque of a joint changes at once when the target jumps, at least."""
PERIOD_S = 0.2
"""Over which targets are interpolated, where they are."""
MISSED, TRIES = 0.05, 5
"""Share of cycles without a command from which on it is the arm that answers, not the law, and how often to try."""


def simulated(axis, bounds=None):
    """Way of the flange under the impedance inside MuJoCo at every cycle of the grid, m."""
    cell = build_cell("pick-cube")
    if bounds is not None:
        cell.arm.set_bounds(bounds)
        cell.arm.set_pace(PERIOD_S)
    cell.arm.set_compliance(COMPLIANCE)
    start = cell.arm.read_state()
    begun_ns = cell.timebase.now_ns()
    cell.arm.set_target(aside(start, axis))
    response = []
    for cycle in GRID:
        cell.timebase.wait_until(begun_ns + cycle * 1_000_000)
        response.append(flange(cell.arm.read_state()) - flange(start))
    cell.close()
    return np.array(response)


def aside(state, axis):
    """A target beside where the arm is."""
    return Pose(state.tcp_pose.position + np.eye(3)[axis] * STEP_M, state.tcp_pose.quaternion_xyzw)


def flange(state):
    """Position of the flange in base, m."""
    x, y, z, w = state.tcp_pose.quaternion_xyzw
    approach = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
    return state.tcp_pose.position - TCP_OFFSET * approach


def answer(arm):
    """The arm's state; None while it has none."""
    try:
        return arm.read_state()
    except DeviceUnavailableError:
        return None


@pytest.fixture(scope="module")
def fci():
    for module in ("franky", "pymodbus"):
        pytest.importorskip(module, exc_type=ImportError)
    from simulator.virtual.fci import VirtualFciProcess

    with VirtualFciProcess(task="pick-cube", lost_packet_limit=500) as process:
        yield process


@pytest.fixture
def arm(fci):
    """The driver, in control and at rest."""
    from robot_daemon.drivers.franka import FrankaArm, FrankaOptions

    fci.inject("place", positions=list(PANDA.home))
    options = FrankaOptions(
        host=fci.host,
        model="panda",
        realtime="prefer",
        tcp_position_m=(0.0, 0.0, TCP_OFFSET),
        target_time_constant_s=0.0,
        contact_force_n=400.0,
    )
    driver = FrankaArm(options, RealTimebase())
    driver.set_compliance(COMPLIANCE)
    start = wait_until(lambda: answer(driver))
    driver.set_target(start.tcp_pose)
    await_cycles(fci, 500)  # The motion begins at rest.
    yield driver
    driver.close()


def await_cycles(fci, count):
    """Lets the arm do cycles with commands."""
    begun = fci.log()["has_command"].sum()
    wait_until(lambda: fci.log()["has_command"].sum() >= begun + count, pause_s=0.02)


def driven(fci, arm, axis):
    """Way of the flange under franky's impedance at the same cycles, m, as the arm itself logs it.

    An interval in which commands did not come in time says nothing about the response; it is driven again.
    """
    start = wait_until(lambda: answer(arm))
    missed = []
    for _ in range(TRIES):
        way, count = step_aside(fci, arm, aside(start, axis))
        if count < MISSED * CYCLES:
            return way
        missed.append(int(count))
        arm.set_target(start.tcp_pose)
        await_cycles(fci, 2 * CYCLES)
    raise AssertionError(f"too few commands came: {missed} of {CYCLES} cycles missed one")


def step_aside(fci, arm, target):
    """The way of the flange after a jump of the target, m, and how many of its cycles missed a command."""
    before = fci.log()[-1]
    arm.set_target(target)
    wait_until(lambda: fci.log()["cycle"][-1] > before["cycle"] + 2 * CYCLES, pause_s=0.05)
    assert arm.faults() == ()
    log = fci.log()
    log = log[log["cycle"] >= before["cycle"]]
    begun = int(np.argmax(np.abs(log["torque"] - before["torque"]).max(axis=1) > JUMP_NM))
    missed = log["missed"][begun + CYCLES] - log["missed"][begun]
    return log["flange_position"][begun + GRID] - before["flange_position"], missed


@pytest.mark.parametrize("axis", [0, 1, 2], ids="xyz")
def test_franky_before_the_virtual_arm_responds_as_the_simulator(fci, arm, axis):
    expected, seen = simulated(axis), driven(fci, arm, axis)
    difference = np.linalg.norm(seen - expected, axis=1)
    np.testing.assert_allclose(seen[-1], np.eye(3)[axis] * STEP_M, atol=1e-3)
    assert difference.max() < 0.25 * STEP_M


def test_both_go_to_interpolated_targets_alike(fci, arm):
    bounds = replace(FREE, interpolates=True)
    arm.set_bounds(bounds)
    arm.set_pace(PERIOD_S)
    expected, seen = simulated(1, bounds), driven(fci, arm, 1)
    assert np.linalg.norm(seen - expected, axis=1).max() < 0.25 * STEP_M
    jumped = simulated(1)
    assert np.linalg.norm(seen - jumped, axis=1).max() > 0.25 * STEP_M
