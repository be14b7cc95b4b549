import gymnasium
import numpy as np
import pytest

import serl_client  # noqa: F401 - Registers the environments.
from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.pick_cube.expert import PickCubeExpert
from serl_tasks.pick_cube.task import PICK_CUBE, PICK_CUBE_HESITANT


@pytest.mark.parametrize(("noise", "longest"), [(0.0, 45), (0.2, 60)])
def test_the_expert_lifts_the_cube_every_time(simulator_address, noise, longest):
    env = make_training_env("serl/PickCube-v0", address=simulator_address)
    expert = PickCubeExpert(PICK_CUBE, noise=noise, seed=1)
    episodes = [run_episode(env, expert, seed=seed) for seed in range(25)]
    env.close()
    assert all(episode.success for episode in episodes)
    assert max(map(len, episodes)) <= longest
    assert np.mean([len(episode) for episode in episodes]) < 25


def test_it_works_with_seven_components(simulator_address):
    env = gymnasium.make("serl/PickCube-v0", address=simulator_address, rotation=True)
    episodes = [run_episode(env, PickCubeExpert(PICK_CUBE, rotation=True), seed=seed) for seed in range(5)]
    env.close()
    assert all(episode.success for episode in episodes)
    assert all((episode.actions[:, 3:6] == 0.0).all() for episode in episodes)


def test_one_that_hesitates_stands_still_with_open_fingers_and_then_lifts(simulator_address):
    env = make_training_env("serl/PickCubeHesitant-v0", address=simulator_address)
    expert = PICK_CUBE_HESITANT.expert(PICK_CUBE_HESITANT, rotation=False, noise=0.1, seed=1)
    episodes = [run_episode(env, expert, seed=seed) for seed in range(5)]
    env.close()
    assert all(episode.success for episode in episodes)
    for episode in episodes:
        still = (episode.actions == (0.0, 0.0, 0.0, 1.0)).all(1)
        assert 6 <= still.sum() <= 12
        assert (episode.actions[: still.argmax(), 3] == 1.0).all()


@pytest.mark.parametrize("corner", [(0.25, -0.25), (0.25, 0.25), (0.55, -0.25), (0.55, 0.25)])
def test_actions_stay_in_the_unit_box(corner):
    expert = PickCubeExpert(PICK_CUBE, noise=1.0, seed=0)
    info = {"newest_tcp_pose": np.array((0.4, 0.0, 0.25, 1, 0, 0, 0)), "cube_position": np.array((*corner, 0.02))}
    actions = np.stack([expert.action({}, info) for _ in range(50)])
    assert actions.shape == (50, 4)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1.0


def test_it_starts_over_when_it_loses_the_cube():
    expert = PickCubeExpert(PICK_CUBE)
    at_cube = {"newest_tcp_pose": np.array((0.4, 0.0, 0.02, 1, 0, 0, 0)), "cube_position": np.array((0.4, 0.0, 0.02))}
    lost = {"newest_tcp_pose": np.array((0.4, 0.0, 0.2, 1, 0, 0, 0)), "cube_position": np.array((0.4, 0.0, 0.02))}
    assert expert.action({}, at_cube)[-1] == -1.0
    assert expert.action({}, at_cube)[-1] == -1.0
    assert expert.action({}, lost)[-1] == 1.0
