"""What stands in for a gripper that falls silent, and choices of objects; cameras are tried in `test_robot_env`."""

from types import SimpleNamespace

import numpy as np
import pytest

from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import Pose
from serl_client import Task
from serl_client.envs.observation_map import MISSING_LIMIT, ObservationMap


def seen(width):
    """An observation without cameras; None for a gripper that is silent."""
    state = SimpleNamespace(
        tcp_pose=Pose(np.zeros(3), np.array((1.0, 0.0, 0.0, 0.0))),
        tcp_twist=np.zeros(6),
        external_wrench=np.zeros(6),
        joint_positions=np.zeros(7),
        joint_velocities=np.zeros(7),
        gripper=None if width is None else SimpleNamespace(width=width),
    )
    return SimpleNamespace(state=state, frames={}, tracked_objects={})


def test_a_silent_gripper_keeps_its_opening_for_a_few_steps_and_is_never_read_as_closed():
    observations = ObservationMap(Task(name="any"), 7, has_gripper=True)
    assert observations.encode(seen(0.05))["gripper_width"] == 0.05
    for _ in range(MISSING_LIMIT):
        assert observations.encode(seen(None))["gripper_width"] == 0.05
        assert observations.missing == ("gripper",)
    with pytest.raises(DeviceUnavailableError, match="the gripper delivered nothing for 3 steps"):
        observations.encode(seen(None))
    assert observations.encode(seen(0.02))["gripper_width"] == 0.02
    assert observations.missing == ()


def test_an_episode_does_not_begin_with_a_silent_gripper():
    observations = ObservationMap(Task(name="any"), 7, has_gripper=True)
    observations.encode(seen(0.05))
    observations.begin_episode()
    with pytest.raises(DeviceUnavailableError, match="the gripper delivered nothing since the episode began"):
        observations.encode(seen(None))


def test_a_cell_without_a_gripper_reads_zero():
    assert ObservationMap(Task(name="any"), 7, has_gripper=False).encode(seen(None))["gripper_width"] == 0.0


def test_the_object_that_a_task_chooses_is_a_position_of_its_own():
    def highest(observation):
        return max(observation.tracked_objects, key=lambda name: observation.tracked_objects[name].pose.position[2])

    observations = ObservationMap(Task(name="any", choices={"top": highest}), 7, has_gripper=False)
    assert observations.space["top_position"].shape == (3,)
    for heights, expected in (((0.1, 0.2), 0.2), ((0.3, 0.2), 0.3)):
        now = seen(None)
        now.tracked_objects = {
            name: SimpleNamespace(pose=SimpleNamespace(position=np.array((0.0, 0.0, height))))
            for name, height in zip("ab", heights, strict=True)
        }
        assert observations.encode(now)["top_position"][2] == expected
