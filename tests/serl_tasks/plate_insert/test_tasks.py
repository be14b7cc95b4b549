import numpy as np
import pytest

from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.plate_insert.task import PCB_INSERT, RAM_INSERT

ENVS = {"serl/PcbInsert-v0": PCB_INSERT, "serl/RamInsert-v0": RAM_INSERT}


@pytest.fixture(params=ENVS, scope="module")
def env(request):
    env = make_training_env(request.param)
    env.expert_task = ENVS[request.param]
    yield env
    env.close()


def test_the_expert_inserts_the_plate_for_all_its_noise(env):
    task = env.expert_task
    episodes = [run_episode(env, task.expert(task, noise=0.2, seed=seed), seed=seed) for seed in range(10)]
    assert all(episode.success for episode in episodes)


def test_going_straight_down_hardly_ever_inserts_it(env):
    class Straight:
        def reset(self):
            """Nothing to forget."""

        def action(self, observation, info):
            return np.array((0, 0, -1, 0, 0, 0), np.float32)

    assert sum(run_episode(env, Straight(), seed=seed).success for seed in range(6)) <= 1


def test_an_arm_leaves_the_slot_and_begins_the_next_episode(env):
    task = env.expert_task
    expert = task.expert(task)
    observation, info = env.reset(seed=3)
    done = False
    while not done:
        observation, _, done, truncated, info = env.step(expert.action(observation, info))
        assert not truncated
    _, info = env.reset(options={"keep_scene": True})
    assert "scene_seed" not in info
    assert info["tcp_pose"][2] == pytest.approx(task.start.center.position[2] + task.start.lower[2], abs=0.004)


def test_starts_are_as_spread_as_upstream(env):
    box = env.expert_task.start
    offsets = np.array([env.reset(seed=seed)[1]["tcp_pose"][:3] for seed in range(20)]) - box.center.position
    assert (offsets >= np.array(box.lower) - 1e-5).all()
    assert (offsets <= np.array(box.upper) + 1e-5).all()
    assert np.ptp(offsets[:, 0]) > box.upper[0]
