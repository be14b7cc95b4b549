import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.joint_walls import joint_walls, turn_back
from simulator.model.arm_table import ARMS as TABLES
from simulator.virtual.fci.controller.reflexes import joint_limits

NAMES = sorted(ARMS)
SHARES = st.tuples(*[st.floats(0.0, 1.0)] * 7)


def positions_of(facts, shares):
    lower, upper = np.array(facts.lower), np.array(facts.upper)
    return lower + np.array(shares) * (upper - lower)


@given(name=st.sampled_from(NAMES), shares=SHARES)
def test_no_joint_may_go_as_fast_as_the_arm_would_stop_it(name, shares):
    facts = ARMS[name]
    positions = positions_of(facts, shares)
    lowest, highest = joint_walls(facts, np.array(facts.home)).speeds(positions)
    allowed = joint_limits(TABLES[name])
    slowest, fastest = (np.abs(speed) for speed in allowed.velocity_range(positions))
    assert np.all((highest < 0.75 * fastest) | (highest <= 0.0) | (fastest == allowed.speed))
    assert np.all((-lowest < 0.75 * slowest) | (lowest >= 0.0) | (slowest == allowed.speed))


@given(name=st.sampled_from(NAMES), shares=SHARES)
def test_a_resting_joint_is_pushed_nowhere_wherever_control_begins(name, shares):
    positions = positions_of(ARMS[name], shares)
    least, most = joint_walls(ARMS[name], positions).torques(positions, np.zeros(7))
    assert np.all(least <= 0.0)
    assert np.all(most >= 0.0)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_joint_at_its_wall_may_be_pulled_away_only(sign):
    facts = ARMS["fr3"]
    walls = joint_walls(facts, np.array(facts.home))
    positions = walls.upper if sign > 0.0 else walls.lower
    least, most = walls.torques(positions, np.zeros(7))
    towards, away = (most, -least) if sign > 0.0 else (-least, most)
    np.testing.assert_allclose(towards, 0.0, atol=1e-9)
    assert np.all(away > 5.0)


def test_ordinary_work_far_from_the_limits_is_left_alone():
    facts = ARMS["fr3"]
    least, most = joint_walls(facts, np.array(facts.home)).torques(np.array(facts.home), np.zeros(7))
    assert np.all(np.minimum(most, -least) > 0.8 * np.array(facts.torque))


@given(seed=st.integers(0, 10_000), joint=st.integers(0, 6))
def test_the_joint_at_its_wall_is_relieved_and_the_others_as_little_as_a_wrench_can(seed, joint):
    rng = np.random.default_rng(seed)
    jacobian, stiffness = rng.standard_normal((6, 7)), np.array([2000.0] * 3 + [150.0] * 3)
    asked = rng.uniform(-0.05, 0.05, 6)
    pulls = jacobian.T @ (stiffness * asked)
    least, most = np.full(7, -np.inf), np.full(7, np.inf)
    (most if pulls[joint] > 0.0 else least)[joint] = 0.0
    error = asked.copy()
    assert not turn_back(error, stiffness, jacobian, np.zeros(7), least, most)
    assert (jacobian.T @ (stiffness * error))[joint] == pytest.approx(0.0, abs=1e-9)
    relief = pulls - jacobian.T @ (stiffness * error)
    wrenches = jacobian.T @ np.linalg.pinv(jacobian.T)  # Projects torques on those that a wrench can exert.
    share = wrenches[joint, joint]
    # The regularisation of 1e-6 changes the projection by this much at most; its column has the norm sqrt(share).
    bent = 1e-6 / np.linalg.svd(jacobian, compute_uv=False)[-1] ** 2
    assume(bent < share / 10.0)
    slack = bent * (1.0 + 1.0 / np.sqrt(share)) / (share - bent) + 1e-9
    np.testing.assert_allclose(relief, wrenches[:, joint] / share * relief[joint], atol=slack * abs(relief[joint]))


def test_a_spring_without_stiffness_about_some_axes_is_turned_back_along_the_joints_twist():
    jacobian, stiffness = np.random.default_rng(1).standard_normal((6, 7)), np.array([2000.0] * 3 + [0.0] * 3)
    asked, most = np.full(6, 0.01), np.full(7, np.inf)
    joint = int(np.argmax(jacobian.T @ (stiffness * asked)))
    most[joint] = 0.0
    error = asked.copy()
    assert not turn_back(error, stiffness, jacobian, np.zeros(7), np.full(7, -np.inf), most)
    assert (jacobian.T @ (stiffness * error))[joint] == pytest.approx(0.0, abs=1e-9)


def test_a_spring_within_bounds_stays_as_it_is():
    error, plenty = np.full(6, 0.01), np.full(7, 1e3)
    assert turn_back(error, np.full(6, 100.0), np.eye(6, 7), np.zeros(7), -plenty, plenty)
    np.testing.assert_array_equal(error, 0.01)
