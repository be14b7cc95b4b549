"""Postures that an arm may be found in: over the table, inside its limits, another one for each seed."""

import numpy as np
import pytest

from robot_daemon.hardware.kinematics import SerialArm
from simulator.model.arm_table import ARMS
from simulator.model.gripper_model import TCP_OFFSET
from simulator.virtual.fci.postures import LOWER_M, UPPER_M, random_posture


@pytest.mark.parametrize("name", sorted(ARMS))
def test_every_seed_puts_the_tool_over_the_table(name):
    table = ARMS[name]
    postures = np.array([random_posture(table, seed) for seed in range(30)])
    assert len(np.unique(postures.round(3), axis=0)) == 30
    np.testing.assert_array_equal(random_posture(table, 3), postures[3])
    tools = SerialArm(np.array((0.0, 0.0, TCP_OFFSET))).parts(postures).positions[:, -1]
    assert ((tools > LOWER_M) & (tools < UPPER_M)).all()
    for joint, facts in enumerate(table.joints):
        assert ((postures[:, joint] > facts.lower) & (postures[:, joint] < facts.upper)).all()
