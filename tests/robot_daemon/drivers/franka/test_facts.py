import pytest

from robot_daemon.drivers.franka.facts import ARMS
from simulator.model.arm_table import ARMS as TABLES


def test_driver_and_simulator_know_the_same_arms():
    assert set(ARMS) == set(TABLES)


@pytest.mark.parametrize("name", sorted(ARMS))
def test_driver_and_simulator_agree_on_limits_and_home(name):
    facts, table = ARMS[name], TABLES[name]
    assert facts.lower == tuple(joint.lower for joint in table.joints)
    assert facts.upper == tuple(joint.upper for joint in table.joints)
    assert facts.speed == tuple(joint.speed for joint in table.joints)
    assert facts.deceleration == tuple(joint.deceleration for joint in table.joints)
    assert facts.velocity_offset == tuple(joint.velocity_offset for joint in table.joints)
    assert facts.torque == tuple(joint.torque for joint in table.joints)
    assert facts.home == table.home


@pytest.mark.parametrize("name", sorted(ARMS))
def test_home_lies_well_inside_the_limits(name):
    facts = ARMS[name]
    for lower, position, upper in zip(facts.lower, facts.home, facts.upper, strict=True):
        assert lower + 0.1 < position < upper - 0.1
