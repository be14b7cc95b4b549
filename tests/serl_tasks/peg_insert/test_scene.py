import numpy as np
import pytest

from serl_api.values import Pose
from serl_tasks.peg_insert.places import DEPTH, PEG_BELOW_TCP, PEG_HALF_EDGE, SOCKET_PLACE
from serl_tasks.peg_insert.scene import CLEARANCE
from simulator.devices.cell import build_cell

DOWN = np.array([1.0, 0.0, 0.0, 0.0])
PERIOD_NS = 100_000_000


@pytest.fixture
def cell():
    cell = build_cell("peg-insert")
    yield cell
    cell.arm.close()
    cell.close()


def above(x=0.0, y=0.0, z=0.10):
    return Pose(np.array([SOCKET_PLACE[0] + x, SOCKET_PLACE[1] + y, PEG_BELOW_TCP + z]), DOWN)


def start(cell, target):
    cell.scene.reset(seed=0, start=target, gripper_width=2 * PEG_HALF_EDGE)


def go_down(cell, x=0.0, y=0.0):
    for height in np.arange(0.06, -0.001, -0.004):
        cell.arm.set_target(above(x, y, height))
        cell.timebase.wait_until(cell.timebase.now_ns() + PERIOD_NS)
    return {pose.name: pose for pose in cell.scene.tracked_objects()}


def test_the_peg_is_held_below_the_tcp(cell):
    start(cell, above())
    peg, socket = cell.scene.tracked_objects()
    tcp = cell.arm.read_state()
    np.testing.assert_allclose(peg.pose.position, tcp.tcp_pose.position - [0.0, 0.0, PEG_BELOW_TCP], atol=1e-6)
    np.testing.assert_allclose(socket.pose.position, [*SOCKET_PLACE, DEPTH])
    assert cell.gripper.read_state().width == pytest.approx(2 * PEG_HALF_EDGE, abs=1e-4)


def test_an_aligned_peg_goes_to_the_bottom(cell):
    start(cell, above())
    assert go_down(cell)["peg"].pose.position[2] < 0.002


def test_a_peg_four_clearances_off_stays_on_the_rim_and_the_arm_feels_it(cell):
    start(cell, above(x=8 * CLEARANCE))
    tip = go_down(cell, x=8 * CLEARANCE)["peg"]
    assert tip.pose.position[2] > DEPTH - 0.002
    assert cell.arm.read_state().external_wrench[2] > 5.0


def test_the_walls_hold_the_peg_sideways(cell):
    start(cell, above())
    go_down(cell)
    cell.arm.set_target(above(x=0.02, z=0.0))
    cell.timebase.wait_until(cell.timebase.now_ns() + 5 * PERIOD_NS)
    tip = cell.scene.tracked_objects()[0]
    assert abs(tip.pose.position[0] - SOCKET_PLACE[0]) < 0.003


def test_the_twist_of_the_peg_is_that_of_its_tip(cell):
    start(cell, above())
    cell.arm.set_target(above(x=0.03))
    before = cell.scene.tracked_objects()[0]
    cell.timebase.wait_until(cell.timebase.now_ns() + 50_000_000)
    first = cell.scene.tracked_objects()[0]
    cell.timebase.wait_until(cell.timebase.now_ns() + 2_000_000)
    second = cell.scene.tracked_objects()[0]
    assert not np.allclose(before.pose.position, first.pose.position)
    np.testing.assert_allclose((second.pose.position - first.pose.position) / 0.002, second.twist[:3], atol=1e-3)
