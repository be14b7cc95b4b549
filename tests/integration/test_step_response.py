"""The same law three times: inside MuJoCo, by franky against the virtual arm, and a spring and a damper on paper."""

import contextlib
import time

import numpy as np
import pytest

from robot_daemon.hardware.devices import Compliance, DeviceUnavailableError, TcpTarget
from robot_daemon.hardware.timebase import RealTimebase
from simulator.devices.cell import build_cell
from simulator.model.gripper_model import TCP_OFFSET

pytestmark = pytest.mark.real_time

STEP_M = 0.02
SECONDS = 1.2
GRID_S = 0.02
COMPLIANCE = Compliance(nullspace_stiffness=10.0)


def simulated(axis):
    """Response of the impedance inside MuJoCo at every grid time, m."""
    cell = build_cell("pick-cube")
    cell.arm.set_compliance(COMPLIANCE)
    start = cell.arm.read_state()
    away = np.eye(3)[axis] * STEP_M
    cell.arm.set_target(TcpTarget(position=start.tcp_position + away, quaternion=start.tcp_quaternion))
    response = []
    for _ in range(round(SECONDS / GRID_S)):
        cell.timebase.wait_until(cell.timebase.now_ns() + round(GRID_S * 1e9))
        response.append(cell.arm.read_state().tcp_position - start.tcp_position)
    cell.close()
    return np.array(response)


def first_state(arm):
    deadline = time.monotonic() + 5.0
    while True:
        try:
            return arm.read_state()
        except DeviceUnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def driven(axis):
    """Response of franky's impedance through libfranka's protocol, at the same times."""
    from robot_daemon.drivers.franka import FrankaArm, FrankaOptions
    from simulator.virtual.fci import VirtualFciProcess

    with VirtualFciProcess(task="pick-cube", lost_packet_limit=500) as fci:
        options = FrankaOptions(
            host=fci.host,
            model="panda",
            realtime="prefer",
            tcp_position_m=(0.0, 0.0, TCP_OFFSET),
            target_time_constant_s=0.0,
            contact_force_n=400.0,
        )
        arm = FrankaArm(options, RealTimebase())
        try:
            arm.set_compliance(COMPLIANCE)
            start = first_state(arm)
            arm.set_target(TcpTarget(position=start.tcp_position, quaternion=start.tcp_quaternion))
            time.sleep(0.5)  # The motion begins at rest.
            start = arm.read_state()
            away = np.eye(3)[axis] * STEP_M
            arm.set_target(TcpTarget(position=start.tcp_position + away, quaternion=start.tcp_quaternion))
            begun_ns = time.monotonic_ns()
            samples = []
            while time.monotonic_ns() - begun_ns < SECONDS * 1e9:
                with contextlib.suppress(DeviceUnavailableError):  # On a machine that is busy with other things.
                    samples.append(arm.read_state())
                time.sleep(0.001)
            faults = arm.faults()
        finally:
            arm.close()
    assert faults == ()
    times = np.array([sample.time_ns - begun_ns for sample in samples]) * 1e-9
    moved = np.array([sample.tcp_position - start.tcp_position for sample in samples])
    grid = GRID_S * np.arange(1, round(SECONDS / GRID_S) + 1)
    return np.stack([np.interp(grid, times, moved[:, index]) for index in range(3)], axis=1)


@pytest.mark.parametrize("axis", [0, 1, 2], ids="xyz")
def test_franky_before_the_virtual_arm_responds_as_the_simulator(axis):
    for module in ("franky", "pymodbus"):
        pytest.importorskip(module, exc_type=ImportError)
    expected, seen = simulated(axis), driven(axis)
    difference = np.linalg.norm(seen - expected, axis=1)
    np.testing.assert_allclose(seen[-1], np.eye(3)[axis] * STEP_M, atol=1e-3)
    assert difference.max() < 0.25 * STEP_M
