"""What tests of the simulator share."""

import numpy as np
import pytest

from serl_api.values import Pose
from tests.support.simulated_cell import cell, run_for

__all__ = ["cell", "go_to", "run_for"]

POINTING_DOWN = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture
def go_to(cell, run_for):
    """Walks the TCP to a position in steps of 5 cm at 10 Hz, like a policy."""

    def go(position, steps=15, quaternion=POINTING_DOWN):
        for _ in range(steps):
            measured = cell.arm.read_state().tcp_pose.position
            step = np.asarray(position) - measured
            step *= min(1.0, 0.05 / max(float(np.linalg.norm(step)), 1e-9))
            cell.arm.set_target(Pose(measured + step, quaternion))
            run_for(0.1)
        return cell.arm.read_state()

    return go


@pytest.fixture
def park_cube(cell):
    """Puts the cube where nothing is in its way."""

    def park(x=0.5, y=-0.3, yaw=0.0):
        physics = cell.scene.physics
        start = int(physics.model.jnt_qposadr[physics.model.joint("cube").id])
        physics.data.qpos[start : start + 7] = (x, y, 0.02, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        physics.settle_state()

    return park
