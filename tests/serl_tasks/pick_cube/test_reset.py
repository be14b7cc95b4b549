"""Resets on a table where nobody tidies up: the cube stays where it was let go, or goes where a hook lays it."""

from dataclasses import replace

import numpy as np
import pytest

from serl_api.values import Pose
from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.envs.robot_env import RobotEnv
from serl_tasks.pick_cube.expert import PickCubeExpert
from serl_tasks.pick_cube.places import HALF_EDGE
from serl_tasks.pick_cube.task import PICK_CUBE
from serl_tasks.relocate_cube.expert import RelocateCubeExpert, RelocateTuning
from serl_tasks.relocate_cube.task import RELOCATE_FORWARD

PLACE = np.array((0.45, 0.12))
DOWN = np.array((1.0, 0.0, 0.0, 0.0))
REACHED_M = 0.01
"""Distance from its goal at which a motion counts as over; the cube lies off the middle of the fingers besides."""


def lay_the_cube(session):
    """Carries what the fingers hold to `PLACE` and lets go of it there."""
    for height in (0.15, 0.02):
        session.move(Pose(np.array((*PLACE, height)), DOWN), 0.4)
    session.move(Pose(np.array((*PLACE, 0.02)), DOWN), 0.4, gripper_width=0.08)
    session.move(Pose(np.array((*PLACE, 0.15)), DOWN), 0.4)


@pytest.fixture
def make():
    """Makes an environment of a task over a private simulator."""
    pytest.importorskip("mujoco")
    made = []

    def build(task):
        simulator = PrivateSimulator(task.scene)
        env = RobotEnv(task, address=simulator.address)
        made.append((env, simulator))
        return env

    yield build
    for env, simulator in made:
        env.close()
        simulator.close()


def finish(env, expert, **options):
    """Plays an episode to its success and returns its last info."""
    observation, info = env.reset(**options)
    expert.reset()
    for _ in range(env.task.max_episode_steps):
        observation, _, done, _, info = env.step(expert.action(observation, info))
        if done:
            return info
    raise AssertionError("the expert did not succeed")


def test_a_hook_lays_the_cube_where_the_next_episode_finds_it(make):
    env = make(replace(PICK_CUBE, reset_plan=replace(PICK_CUBE.reset_plan, gripper_first=False, hook=lay_the_cube)))
    finish(env, PickCubeExpert(PICK_CUBE), seed=1)
    _, info = env.reset(options={"keep_scene": True})
    assert "scene_seed" not in info
    np.testing.assert_allclose(info["cube_position"], (*PLACE, 0.02), atol=REACHED_M + HALF_EDGE / 2)
    assert info["gripper_width"] > 0.08
    assert not info["success"]


def test_fingers_around_a_cube_far_out_leave_it_where_it_lies(make):
    env = make(RELOCATE_FORWARD)
    # From there, straight to the start, the fingers push it by half a centimetre.
    far = RelocateTuning(place_lower=(0.45, 0.25), place_upper=(0.52, 0.3), let_go_height=0.018, place_height=0.01)
    for seed in range(4):
        expert = RelocateCubeExpert("right", RELOCATE_FORWARD, seed=seed, tuning=far)
        lying = finish(env, expert, seed=seed)["cube_position"]
        _, info = env.reset(options={"keep_scene": True})
        np.testing.assert_allclose(info["cube_position"], lying, atol=0.001)
