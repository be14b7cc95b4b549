from dataclasses import replace

import numpy as np
import pytest

from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.cable_route.places import CLIP_PLACE, LAID, MOUTH_HEIGHT, SEGMENT_LENGTH, SEGMENTS
from serl_tasks.cable_route.task import CABLE_ROUTE
from simulator.devices.cell import build_cell


@pytest.fixture(scope="module")
def env():
    env = make_training_env("serl/CableRoute-v0")
    yield env
    env.close()


@pytest.fixture
def cell():
    cell = build_cell("cable-route")
    yield cell
    cell.close()


def test_the_expert_lays_the_cable_for_all_its_noise(env):
    expert = CABLE_ROUTE.expert
    assert expert is not None
    experts = [expert(CABLE_ROUTE, rotation=True, noise=0.2, seed=seed) for seed in range(8)]
    assert all(run_episode(env, expert, seed=seed).success for seed, expert in enumerate(experts))


def test_going_straight_down_hardly_ever_lays_it(env):
    laid = 0
    for seed in range(3):
        env.reset(seed=seed)
        laid += any(env.step(np.array((0, 0, -1, 0, 0, 0), np.float32))[2] for _ in range(15))
    assert laid <= 1


def test_an_arm_lifts_the_cable_out_again_and_begins_the_next_episode(env):
    assert CABLE_ROUTE.expert is not None
    expert = CABLE_ROUTE.expert(CABLE_ROUTE, rotation=True, noise=0.0, seed=0)
    assert run_episode(env, expert, seed=3).success
    _, info = env.reset(options={"keep_scene": True})
    assert "scene_seed" not in info
    assert not info["success"]
    assert info["cable_5_position"][2] > 0.08


def test_the_cable_begins_in_balance_and_keeps_its_length(cell):
    cell.scene.reset(seed=1, start=None, gripper_width=0.006)
    physics = cell.scene.physics

    def ends():
        return np.array([physics.data.xpos[physics.model.body(name).id] for name in SEGMENTS])

    before = ends()
    cell.timebase.wait_until(cell.timebase.now_ns() + 1_500_000_000)
    after = ends()
    assert before[0][2] - before[-1][2] > 0.02  # It sags,
    assert np.abs(after - before)[:, 2].max() < 0.004  # as much as it will,
    assert np.ptp(after[:, 1]) < 0.003  # and what was bent to a side is straight.
    np.testing.assert_allclose(np.linalg.norm(np.diff(after, axis=0), axis=1), SEGMENT_LENGTH, atol=1e-6)


@pytest.mark.parametrize(
    ("offset", "success"),
    [
        ((0.0, 0.0, -0.008), True),
        ((0.0, 0.0, 0.003), False),  # On the jaws.
        ((0.0, 0.006, -0.008), False),  # Beside them.
        ((0.012, 0.0, -0.008), False),  # Before them.
    ],
)
def test_a_link_between_the_jaws_is_a_success(env, offset, success):
    env.reset(seed=0)
    now = env.unwrapped.snapshot
    link = now.tracked_objects[LAID[0]]
    place = np.array((*CLIP_PLACE, MOUTH_HEIGHT)) + offset
    moved = {LAID[0]: replace(link, pose=replace(link.pose, position=place))}
    laid = replace(now, tracked_objects={**now.tracked_objects, **moved})
    assert CABLE_ROUTE.rewards["sparse"](now, laid).success is success
