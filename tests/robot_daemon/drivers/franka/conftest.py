"""States without an arm, and what tests of the driver share."""

import numpy as np
import pytest

from robot_daemon.devices import ArmState


@pytest.fixture(scope="session")
def make_state():
    """States with a Jacobian of full rank; keywords replace fields."""

    def make(**fields):
        rng = np.random.default_rng(7)
        jacobian = np.hstack([np.eye(6), np.zeros((6, 1))]) * 0.4 + 0.05 * rng.standard_normal((6, 7))
        known = {
            "time_ns": 0,
            "joint_positions": np.zeros(7),
            "joint_velocities": np.zeros(7),
            "joint_torques": np.zeros(7),
            "external_joint_torques": np.zeros(7),
            "tcp_position": np.array([0.4, 0.0, 0.25]),
            "tcp_quaternion": np.array([1.0, 0.0, 0.0, 0.0]),
            "tcp_twist": np.zeros(6),
            "external_wrench": np.zeros(6),
            "jacobian": jacobian,
        }
        if "joint_velocities" in fields:
            known["tcp_twist"] = jacobian @ fields["joint_velocities"]
        return ArmState(**(known | fields))

    return make
