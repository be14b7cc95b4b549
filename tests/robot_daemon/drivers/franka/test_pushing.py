"""What a wrench turns into: never faster than it may, never out of the box, nothing but the forced axes moves."""

import numpy as np
import pytest

from robot_daemon.drivers.franka.pushing import DAMPING, WALL_FORCE, next_anchor, push
from robot_daemon.drivers.franka.shaping import spring_limits
from robot_daemon.hardware.devices import MotionBounds
from serl_api.rotation import from_rotvec, multiply
from serl_api.values import FullCompliance, Pose

DOWN = np.array([1.0, 0.0, 0.0, 0.0])
BOUNDS = MotionBounds(
    lower=np.array((0.2, -0.3, 0.0)),
    upper=np.array((0.6, 0.3, 0.5)),
    speed=1.0,
    rotation_speed=2.5,
    push_speed=0.25,
    push_rotation_speed=1.0,
)
LIMITS = spring_limits(FullCompliance(), np.full(7, 50.0), BOUNDS, np.full(7, 2.0))
START = Pose(np.array([0.4, 0.0, 0.25]), DOWN)


def at(make_state, x=0.4, y=0.0, z=0.25, turn=(0.0, 0.0, 0.0)):
    quaternion = np.array(multiply(from_rotvec(turn), DOWN.tolist()))
    return make_state(tcp_pose=Pose(np.array([x, y, z]), quaternion))


def along_x(make_state, x, force):
    return push(np.array([force, 0, 0, 0, 0, 0]), at(make_state, x=x), START, LIMITS, BOUNDS)


def test_in_the_middle_of_the_box_it_is_the_wrench_itself(make_state):
    for force in (30.0, -30.0):
        assert along_x(make_state, 0.4, force).spring.tolist() == [force, 0, 0, 0, 0, 0]


def test_at_a_wall_nothing_is_left_of_it_and_beyond_it_pushes_back(make_state):
    assert along_x(make_state, 0.6, 30.0).spring[0] == pytest.approx(0.0)
    assert along_x(make_state, 0.61, 30.0).spring[0] == pytest.approx(-10.0)
    assert along_x(make_state, 0.9, 30.0).spring[0] == -WALL_FORCE
    assert along_x(make_state, 0.2, -30.0).spring[0] == pytest.approx(0.0)
    assert along_x(make_state, 0.19, -30.0).spring[0] == pytest.approx(10.0)


def test_a_wrench_away_from_a_wall_is_not_shortened(make_state):
    assert along_x(make_state, 0.6, -30.0).spring[0] == -30.0


def test_the_damper_takes_all_of_it_at_the_top_speed(make_state):
    assert along_x(make_state, 0.4, 30.0).damping[0] * BOUNDS.push_speed == pytest.approx(30.0)
    assert along_x(make_state, 0.4, 1.0).damping[0] == DAMPING
    torque = push(np.array([0, 0, 0, 0, 0, 4.0]), at(make_state), START, LIMITS, BOUNDS)
    assert torque.damping[5] * BOUNDS.push_rotation_speed == pytest.approx(4.0)


def test_axes_that_are_not_forced_are_held_where_they_were(make_state):
    moved = at(make_state, x=0.45, y=0.01, turn=(0.02, 0.0, 0.0))
    wrench = np.array([10.0, 0, 0, 0, 0, 0])
    acting = push(wrench, moved, next_anchor(START, wrench, moved), LIMITS, BOUNDS)
    np.testing.assert_allclose(acting.spring, (10.0, -20.0, 0.0, -3.0, 0.0, 0.0), atol=1e-6)
    np.testing.assert_array_equal(acting.damping[1:], LIMITS.damping[1:])


def test_an_axis_that_is_forced_no_longer_is_held_where_it_came_to(make_state):
    moved, wrench = at(make_state, x=0.45), np.array([10.0, 0, 0, 0, 0, 0])
    anchor = next_anchor(next_anchor(START, wrench, moved), np.zeros(6), moved)
    np.testing.assert_allclose(push(np.zeros(6), moved, anchor, LIMITS, BOUNDS).spring, 0.0, atol=1e-9)


def test_a_turn_takes_along_the_axis_that_is_forced_alone(make_state):
    wrench = np.array([0, 0, 0, 0, 0, 2.0])
    turned = at(make_state, turn=(0.0, 0.0, 1.0))
    anchor = next_anchor(START, wrench, turned)
    np.testing.assert_allclose(push(wrench, turned, anchor, LIMITS, BOUNDS).spring, wrench, atol=1e-9)
    tilted = at(make_state, turn=(0.05, 0.0, 0.0))
    anchor = next_anchor(START, wrench, tilted)
    assert push(wrench, tilted, anchor, LIMITS, BOUNDS).spring[3] == pytest.approx(-150.0 * 0.05)


def test_what_is_held_outside_the_box_is_pulled_back_in(make_state):
    outside = at(make_state, y=0.31)
    anchor = Pose(outside.tcp_pose.position, DOWN)
    assert push(np.zeros(6), outside, anchor, LIMITS, BOUNDS).spring[1] == pytest.approx(-20.0)
