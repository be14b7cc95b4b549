"""Which ways of the joints are free, with the kinematics of a Franka arm."""

import numpy as np
import pytest

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.clearance import Clearance
from robot_daemon.hardware.kinematics import SerialArm
from simulator.model.arm_table import PANDA

READY = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])
HOME = np.array(PANDA.home)
ARM = SerialArm(np.array((0.0, 0.0, 0.1034)))


@pytest.fixture
def clearance():
    return Clearance(LimitsConfig(), ARM.parts)


def test_the_kinematics_are_frankas():
    (parts,) = ARM.parts(READY[None]).positions
    np.testing.assert_allclose(parts[2], (0.30690, 0.0, 0.59027), atol=1e-4)  # The flange, as libfranka says.
    np.testing.assert_allclose(parts[3], (0.30690, 0.0, 0.48687), atol=1e-4)


def test_the_way_from_the_ready_pose_home_is_free(clearance):
    assert clearance.obstruction(READY, HOME) is None


def test_a_way_out_of_the_box_is_cut_where_it_leaves_it(clearance):
    goal = READY + np.array((1.5, 0, 0, 0, 0, 0, 0))
    found = clearance.obstruction(READY, goal)
    assert (found.part, found.place) == ("tcp", "the workspace box")
    at = ARM.parts((READY + found.free * (goal - READY))[None]).positions[0, -1]
    assert at[0] > 0.19
    assert at[1] < 0.36
    assert found.excess > 0.05


def test_a_way_that_leaves_the_box_and_returns_is_seen():
    clearance = Clearance(LimitsConfig(workspace_upper_m=(0.56, 0.35, 0.6)), ARM.parts)
    start = np.array((-0.5, 0.2, 0.0, -1.8, 0.0, 1.87, 0.785))  # 0.587 m from the axis of joint 1, so beyond x = 0.56.
    goal = start * (-1.0, 1, 1, 1, 1, 1, 1)
    assert clearance.misplaced(start) is None
    assert clearance.misplaced(goal) is None
    found = clearance.obstruction(start, goal)
    assert (found.part, round(found.excess, 2)) == ("tcp", 0.03)


def test_flange_and_elbow_may_not_meet_the_table():
    box = {"workspace_lower_m": (-2.0,) * 3, "workspace_upper_m": (2.0,) * 3}
    lying = np.array((0.0, 1.7, 0.0, -0.3, 0.0, 1.5, 0.0))
    found = Clearance(LimitsConfig(**box), ARM.parts).obstruction(READY, lying)
    assert (found.place, found.part) == ("the table", "flange")
    tipped = np.array((0.1, -1.7, -1.6, -2.4, 2.3, 1.7, 1.5))
    found = Clearance(LimitsConfig(**box, table_height_m=0.25), ARM.parts).misplaced(tipped)
    assert (found.place, found.part) == ("the table", "elbow")


def test_a_way_back_from_outside_is_free(clearance):
    outside = READY + np.array((1.5, 0, 0, 0, 0, 0, 0))
    assert clearance.misplaced(outside) is not None
    assert clearance.obstruction(outside, READY) is None
