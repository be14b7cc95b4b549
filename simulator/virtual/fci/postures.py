"""Draws postures that an arm may be found in: anywhere over the table, within its joints' limits."""

import numpy as np

from robot_daemon.hardware.kinematics import SerialArm
from serl_api.values import FloatArray
from simulator.model.arm_table import ArmTable
from simulator.model.gripper_model import TCP_OFFSET

AROUND_RAD = 0.6
"""How far each joint may be from home, rad."""
MARGIN_RAD = 0.15
"""How far each joint is from its limits, rad."""
LOWER_M, UPPER_M = (0.34, -0.22, 0.18), (0.58, 0.22, 0.42)
"""Corners of the box in which the tool is, in base, m: within the workspace of a cell's file that does not say."""
LOWEST_M = 0.15
"""Height over the table of everything else, m."""


def random_posture(table: ArmTable, seed: int) -> FloatArray:
    """Draws joint positions, rad. Shape (7,).

    Args:
        table: Which arm.
        seed: The same seed gives the same posture.
    """
    rng = np.random.default_rng(seed)
    arm = SerialArm(np.array((0.0, 0.0, TCP_OFFSET)))
    lower = np.array([joint.lower for joint in table.joints]) + MARGIN_RAD
    upper = np.array([joint.upper for joint in table.joints]) - MARGIN_RAD
    while True:
        joints = np.array(table.home) + rng.uniform(-AROUND_RAD, AROUND_RAD, (256, 7))
        places = arm.parts(joints).positions
        tool = places[:, -1]
        fits = ((tool > LOWER_M) & (tool < UPPER_M)).all(axis=1) & (places[:, :-1, 2] > LOWEST_M).all(axis=1)
        fits &= ((joints > lower) & (joints < upper)).all(axis=1)
        found = np.flatnonzero(fits)
        if len(found):
            return joints[found[0]]
