import numpy as np
from lerobot_robot_serl.actions import pose_numbers

from serl_api.values import Pose

DOWN = np.array((1.0, 0.0, 0.0, 0.0))


def test_the_quaternion_of_a_tool_that_points_down_does_not_jump():
    halves = np.linspace(np.pi / 2 - 0.1, np.pi / 2 + 0.1, 10)  # Of the angle about x.
    turned = np.stack([np.sin(halves), 0 * halves, 0 * halves, np.cos(halves)], axis=1)
    canonical = turned * np.sign(turned[:, 3:])
    assert abs(np.diff(canonical, axis=0)).max() > 1.0  # Where w is kept positive it does.
    numbers = np.array([pose_numbers(Pose(np.zeros(3), quaternion), DOWN) for quaternion in canonical])
    np.testing.assert_allclose(numbers[:, 3:], turned)
