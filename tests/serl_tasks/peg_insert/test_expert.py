import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.peg_insert.expert import PegInsertExpert
from serl_tasks.peg_insert.task import PEG_INSERT


@pytest.fixture(scope="module")
def env():
    env = make_training_env("serl/PegInsert-v0")
    yield env
    env.close()


@pytest.mark.parametrize(("noise", "mean_steps"), [(0.0, 25), (0.2, 45)])
def test_the_expert_inserts_the_peg(env, noise, mean_steps):
    episodes = [run_episode(env, PegInsertExpert(PEG_INSERT, noise=noise, seed=seed), seed=seed) for seed in range(12)]
    assert all(episode.success for episode in episodes)
    assert np.mean([len(episode) for episode in episodes]) <= mean_steps


def test_going_straight_down_does_not_insert_it(env):
    class Straight:
        def reset(self):
            """Nothing to forget."""

        def action(self, observation, info):
            return np.array((0, 0, -1, 0, 0, 0), np.float32)

    assert not any(run_episode(env, Straight(), seed=seed).success for seed in range(5))


def test_starts_are_spread_and_repeat_with_the_seed(env):
    poses = [env.reset(seed=seed)[1]["tcp_pose"] for seed in range(40)]
    offsets = np.array([pose[:3] for pose in poses]) - PEG_INSERT.box.center.position
    assert np.abs(offsets[:, :2]).max() <= 0.05 + 1e-6
    assert np.ptp(offsets[:, 0]) > 0.08
    np.testing.assert_allclose(offsets[:, 2], 0.1, atol=1e-5)
    down = Rotation.from_quat(PEG_INSERT.box.center.quaternion_xyzw)
    yaws = [(Rotation.from_quat(pose[3:]) * down.inv()).as_rotvec()[2] for pose in poses]
    assert 0.8 < np.ptp(yaws) <= math.pi / 3 + 1e-6
    np.testing.assert_array_equal(env.reset(seed=7)[1]["tcp_pose"], poses[7])


def test_targets_stay_in_the_box(env):
    env.reset(seed=3)
    for _ in range(12):
        _, _, _, _, info = env.step(np.array((1, 0, 1, 0, 0, 1), np.float32))
    box = PEG_INSERT.box
    assert info["tcp_pose"][0] < box.center.position[0] + box.upper[0] + 0.005
    down = Rotation.from_quat(box.center.quaternion_xyzw)
    yaw = (Rotation.from_quat(info["tcp_pose"][3:]) * down.inv()).as_rotvec()[2]
    assert yaw < math.pi / 6 + 0.02
