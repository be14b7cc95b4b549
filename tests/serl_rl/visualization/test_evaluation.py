"""Watching: of an actor's environments, and of evaluations in the simulator."""

import gymnasium
import numpy as np
import pytest

from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import evaluate
from serl_rl.envs.factory import make_environment
from serl_rl.errors import UsageError
from serl_rl.visualization.episode_video import EpisodeVideo
from serl_rl.visualization.evaluation import watching
from serl_rl.visualization.labels import labels_of
from serl_rl.visualization.recorder_wrapper import StepRecorder
from serl_tasks.point_mass.environment import PointMassEnv


class Nudging:
    """Moves a little, in a way that depends on all that it sees."""

    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        return np.tanh(observation["state"][:4]).astype(np.float32)


def test_nobody_looks_on_without_being_asked():
    with watching(None, "test") as watch:
        env = PointMassEnv()
        assert watch(env) is env


def test_the_folder_of_the_run_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="start its learner first"), watching(None, "test", tmp_path / "none"):
        pytest.fail("it was opened")


def test_several_environments_share_a_recording_with_values(run, tmp_path):
    pytest.importorskip("rerun", reason="needs the extra serl-robot[rerun]")
    from rerun.chunk import RrdReader

    (run / "checkpoints").mkdir()
    (run / "checkpoint").rename(run / "checkpoints" / "0000000001")
    with watching(str(tmp_path / "a.rrd"), "test", run) as watch:
        for env in (watch(PointMassEnv()), watch(PointMassEnv())):
            env.reset(seed=0)
            env.step(np.ones(2, np.float32))
            env.step(np.ones(2, np.float32))
    rows = {}
    for chunk in RrdReader(tmp_path / "a.rrd").stream():
        if not chunk.is_static:
            rows[chunk.entity_path] = rows.get(chunk.entity_path, 0) + chunk.num_rows
    assert rows["/action"] == rows["/value/mean"] == rows["/intervention"] == 4
    assert "/scene" not in rows  # Nothing is rendered for an actor.


def test_watching_changes_nothing_in_the_simulator():
    """Neither rendering nor looking moves the physics by a bit."""
    env = make_environment(EnvironmentConfig(max_episode_steps=2))
    labels = labels_of(env, 10.0)
    assert labels.action == ("x", "y", "z", "gripper")
    plain = evaluate(env, Nudging(), 2, seed=7)
    film = EpisodeVideo(1, labels)
    states = []

    class Keep(gymnasium.ObservationWrapper):
        def observation(self, observation):
            states.append(observation["state"])
            return observation

    first = evaluate(Keep(env), Nudging(), 2, seed=7)
    unwatched, states = states, []
    second = evaluate(StepRecorder(Keep(env), [film], labels), Nudging(), 2, seed=7)
    env.close()
    assert plain == first == second
    np.testing.assert_array_equal(states, unwatched)
    frames = list(film)
    assert len(frames) == 2 + 10
    assert frames[0].shape[1] == 640


def test_labels_of_a_rotating_task_without_gripper():
    env = make_environment(EnvironmentConfig(id="serl/PegInsert-v0", rotation=True))
    try:
        assert labels_of(env, 10.0).action == ("x", "y", "z", "rx", "ry", "rz")
    finally:
        env.close()
