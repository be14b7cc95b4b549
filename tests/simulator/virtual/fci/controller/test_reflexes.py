import math

import numpy as np
import pytest

from simulator.model.arm_table import FR3, PANDA
from simulator.virtual.fci.controller.reflexes import (
    check_contact,
    check_joints,
    check_losses,
    check_torque,
    joint_limits,
)
from simulator.virtual.fci.controller.settings import Thresholds
from simulator.virtual.fci.faults import Fault

LIMITS = joint_limits(PANDA)
MIDDLE = 0.5 * (LIMITS.lower + LIMITS.upper)
AT_REST = np.zeros(7)


@pytest.mark.parametrize("joint", range(7))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_torque_may_change_by_1000_newton_metres_a_second(joint, sign):
    step = np.zeros(7)
    step[joint] = sign * 1.0
    assert check_torque(step, AT_REST, LIMITS) is None
    assert check_torque(1.1 * step, AT_REST, LIMITS) is Fault.CONTROLLER_TORQUE_DISCONTINUITY


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_torque_that_is_no_number_is_a_discontinuity(value):
    torque = np.zeros(7)
    torque[3] = value
    assert check_torque(torque, AT_REST, LIMITS) is Fault.CONTROLLER_TORQUE_DISCONTINUITY


def test_torque_beyond_the_joints_range_is_a_range_violation():
    torque = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.5])
    assert check_torque(torque, torque - 0.1, LIMITS) is Fault.TAU_J_RANGE_VIOLATION
    assert check_torque(torque - 1.0, torque - 1.1, LIMITS) is None


@pytest.mark.parametrize("joint", range(7))
def test_a_joint_beyond_its_limit_is_a_position_violation(joint):
    for bound, sign in ((LIMITS.upper, 1.0), (LIMITS.lower, -1.0)):
        positions = MIDDLE.copy()
        positions[joint] = bound[joint] + sign * 1e-3
        assert check_joints(positions, AT_REST, LIMITS) is Fault.JOINT_POSITION_LIMITS_VIOLATION
        positions[joint] = bound[joint] - sign * 1e-3
        assert check_joints(positions, AT_REST, LIMITS) is None


@pytest.mark.parametrize("joint", range(7))
def test_a_joint_faster_than_its_limit_is_a_velocity_violation(joint):
    velocities = np.zeros(7)
    for sign in (-1.0, 1.0):
        velocities[joint] = sign * LIMITS.speed[joint]
        assert check_joints(MIDDLE, velocities, LIMITS) is None
        assert check_joints(MIDDLE, 1.1 * velocities, LIMITS) is Fault.JOINT_VELOCITY_VIOLATION


def test_before_a_limit_only_the_way_towards_it_is_slow():
    limits = joint_limits(FR3)
    positions = 0.5 * (limits.lower + limits.upper)
    positions[0] = limits.upper[0] - 0.05
    towards = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert check_joints(positions, towards, limits) is Fault.JOINT_VELOCITY_VIOLATION
    assert check_joints(positions, -towards, limits) is None


def test_the_speed_limit_of_the_fr3_is_the_published_curve():
    limits = joint_limits(FR3)
    positions = np.zeros(7)
    positions[1] = limits.upper[1] - 0.2
    _, highest = limits.velocity_range(positions)
    assert highest[1] == pytest.approx(-0.20 + math.sqrt(5.17 * 0.2))
    assert highest[0] == pytest.approx(2.62)


def test_contact_beyond_the_upper_threshold_is_a_reflex_and_below_it_none():
    thresholds = Thresholds(
        lower_torque=np.full(7, 5.0),
        upper_torque=np.full(7, 10.0),
        lower_force=np.full(6, 10.0),
        upper_force=np.full(6, 20.0),
    )
    torques, wrench = np.full(7, -9.0), np.full(6, -19.0)
    assert check_contact(torques, wrench, thresholds) is None
    wrench[2] = -21.0
    assert check_contact(torques, wrench, thresholds) is Fault.CARTESIAN_REFLEX
    torques[0] = 11.0
    assert check_contact(torques, wrench, thresholds) is Fault.JOINT_REFLEX


def test_twenty_lost_commands_in_a_row_stop_a_motion():
    assert check_losses(19) is None
    assert check_losses(20) is Fault.COMMUNICATION_CONSTRAINTS_VIOLATION
    assert check_losses(499, limit=500) is None
