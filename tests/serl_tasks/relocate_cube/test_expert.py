import numpy as np
import pytest

from serl_client.episodes.recording import run_episode
from serl_tasks.relocate_cube.expert import RelocateCubeExpert
from serl_tasks.relocate_cube.task import RELOCATE_FORWARD

SIDES = {"Forward": "right", "Backward": "left"}


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("direction", SIDES)
def test_the_expert_carries_the_cube_over_every_time(relocation, direction, noise):
    expert = RelocateCubeExpert(SIDES[direction], RELOCATE_FORWARD, noise=noise, seed=1)
    episodes = [run_episode(relocation[direction], expert, seed=seed) for seed in range(8)]
    assert all(episode.success and episode.terminated for episode in episodes)
    assert np.mean([len(episode) for episode in episodes]) < 30


def test_two_experts_set_the_scene_for_each_other(relocation):
    experts = {
        direction: RelocateCubeExpert(side, RELOCATE_FORWARD, noise=0.1, seed=2) for direction, side in SIDES.items()
    }
    places = []
    for turn in range(10):
        direction = ("Forward", "Backward")[turn % 2]
        env, expert = relocation[direction], experts[direction]
        observation, info = env.reset(seed=turn, options={"keep_scene": turn > 0})
        expert.reset()
        assert not info["success"]
        assert ("scene_seed" in info) is (turn == 0)
        if places:
            np.testing.assert_allclose(info["cube_position"], places[-1], atol=0.03)
        ended = False
        while not ended:
            observation, _, terminated, truncated, info = env.step(expert.action(observation, info))
            ended = terminated or truncated
        assert info["success"]
        places.append(info["cube_position"])
        env.unwrapped.release()
    assert [place[1] > 0 for place in places] == [False, True] * 5
    assert np.ptp(np.abs(places)[:, :2], axis=0).min() > 0.03  # Put down here and there, not always in one place.


def test_it_fetches_a_cube_that_it_lost_on_the_way():
    expert = RelocateCubeExpert("right", RELOCATE_FORWARD)
    held = {"newest_tcp_pose": np.array((0.4, 0.1, 0.02, 1, 0, 0, 0)), "cube_position": np.array((0.4, 0.1, 0.02))}
    lost = {"newest_tcp_pose": np.array((0.4, 0.0, 0.2, 1, 0, 0, 0)), "cube_position": np.array((0.4, 0.1, 0.02))}
    actions = [expert.action({}, held) for _ in range(5)]
    assert [action[-1] for action in actions] == [-1.0] * 5
    assert actions[-1][1] < -0.5  # To the right.
    assert expert.action({}, lost)[-1] == 1.0
