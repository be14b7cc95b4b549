"""Which steps bootstrap, and from which observation: through actor, wire and replay, and from files.

Observations are (episode, step), so that what belongs together is plain to see.
"""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.episodes.files import EpisodeWriter
from serl_client.episodes.recording import episode_header, run_episode
from serl_rl.demonstrations.files import load_demonstrations

pytestmark = pytest.mark.trap


class CountingEnv(gymnasium.Env):
    """Three steps an episode; `ending` says for each one, in turn, whether the task or the clock ends it."""

    observation_space = spaces.Dict({"state": spaces.Box(-99, 99, (2,), np.float32)})
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, *ending, first_episode=0):
        self.ending = ending
        self.episode = first_episode - 1
        self.first_episode = first_episode

    def reset(self, *, seed=None, options=None):
        self.episode += 1
        self.steps = 0
        return self.observe(), {}

    def step(self, action):
        self.steps += 1
        end = self.ending[self.episode - self.first_episode] if self.steps == 3 else ""
        info = {"success": end == "task"}
        return self.observe(), float(end == "task"), end == "task", end == "clock", info

    def observe(self):
        return {"state": np.array((self.episode, self.steps), np.float32)}


class Still:
    def reset(self):
        pass

    def action(self, observation, info):
        return np.zeros(1, np.float32)


def table(replay):
    """(episode, step): (reward, terminated, next episode, next step) of every transition."""
    batch = replay.sample(400, np.random.default_rng(0))
    found = {}
    for index in range(400):
        now, following = batch.observations["state"][index], batch.next_observations["state"][index]
        value = (float(batch.rewards[index]), bool(batch.terminated[index]), *map(int, following))
        assert found.setdefault(tuple(map(int, now)), value) == value
    assert len(found) == replay.transition_count
    return found


EXPECTED = {
    (0, 0): (0, False, 0, 1),
    (0, 1): (0, False, 0, 2),
    (0, 2): (0, False, 0, 3),  # Time was up: bootstraps, from its own observation and not from the reset's (1, 0).
    (1, 0): (0, False, 1, 1),
    (1, 1): (0, False, 1, 2),
    (1, 2): (1, True, 1, 3),  # The task ended it: no value after it.
}


def test_a_truncated_step_of_the_actor_bootstraps_from_its_own_next_observation(collect):
    replay, _ = collect(CountingEnv("clock", "task"), [0.5])
    assert table(replay) == EXPECTED


def write_demonstrations(path, *ending, first_episode=0):
    env = CountingEnv(*ending, first_episode=first_episode)
    with EpisodeWriter(path, episode_header(env)) as writer:
        for _ in ending:
            writer.append(run_episode(env, Still()))
    return path


def spec_of_env():
    from serl_rl.protocol.spec import EnvironmentSpec

    env = CountingEnv()
    return EnvironmentSpec.from_spaces("test/Counting-v0", env.observation_space, env.action_space)


def test_a_demonstration_that_ran_out_of_time_is_no_terminal_state(tmp_path):
    path = write_demonstrations(tmp_path / "demos.episodes", "clock", "task")
    assert table(load_demonstrations((path,), spec_of_env())) == EXPECTED


def test_demonstration_files_may_come_in_any_order(tmp_path):
    # Upstream's buffer joins whatever lies next to each other: the last step of one file and the first of the next.
    one = write_demonstrations(tmp_path / "one.episodes", "clock")
    two = write_demonstrations(tmp_path / "two.episodes", "task", first_episode=1)
    for paths in ((one, two), (two, one)):
        assert table(load_demonstrations(paths, spec_of_env())) == EXPECTED
