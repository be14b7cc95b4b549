"""An onlooker tells what was seen together with what was done there, and changes nothing."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_rl.algorithms.algorithm import ActionValues
from serl_rl.visualization.labels import labels_of
from serl_rl.visualization.recorder_wrapper import StepRecorder


class CountingEnv(gymnasium.Env[Any, Any]):
    """Shows the number of steps in all that it shows; ends after three, by the task or by the clock."""

    success_thresholds = {"success": 0.7}  # noqa: RUF012

    def __init__(self, *, terminates=True, takes_over_at=None, cameras=True):
        images = {"front": spaces.Box(0, 255, (4, 4, 3), np.uint8)} if cameras else {}
        self.observation_space = spaces.Dict({**images, "state": spaces.Box(-9, 9, (1,), np.float32)})
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._terminates, self._takes_over_at, self._cameras = terminates, takes_over_at, cameras
        self._image = np.zeros((4, 4, 3), np.uint8)
        self._steps = 0
        self.rendered = 0

    def reset(self, *, seed=None, options=None):
        self._steps = 0
        return self._observe(), self._info()

    def step(self, action):
        intervention = {"intervention_action": -np.asarray(action)} if self._steps == self._takes_over_at else {}
        self._steps += 1
        is_over = self._steps == 3
        terminated, truncated = is_over and self._terminates, is_over and not self._terminates
        return (
            self._observe(),
            0.5 * self._steps,
            terminated,
            truncated,
            self._info() | intervention | {"success": is_over},
        )

    def render(self):
        self.rendered += 1
        return np.full((8, 8, 3), self._steps, np.uint8)

    def _observe(self):
        self._image[:] = self._steps  # One buffer for all frames, as a camera's may be.
        images = {"front": self._image} if self._cameras else {}
        return images | {"state": np.array([self._steps], np.float32)}

    def _info(self):
        return {
            "stamp_ns": self._steps * 200_000_000,
            "tcp_pose": np.full(7, float(self._steps)),
            "gripper_width": 0.01 * self._steps,
            "cube_position": np.full(3, float(self._steps)),
            "success_probability": 0.1 * self._steps,
        }


class Listener:
    """Keeps what it is told."""

    def __init__(self, *, episodes=9, needs_scene=False):
        self.needs_scene = needs_scene
        self._episodes = episodes
        self.records = []

    def wants(self, episode):
        return episode <= self._episodes

    def show(self, record):
        self.records.append(record)


class Judge:
    """Values that say what was judged."""

    def __init__(self):
        self.episodes = 0

    def begin_episode(self):
        self.episodes += 1

    def values(self, observation, action):
        return ActionValues(arm=np.array([observation["state"][0], action[0]]))


def watch(env, *sinks, judge=None, episodes=1):
    watched = StepRecorder(env, sinks, labels_of(env, 5.0), judge)
    results = []
    for _ in range(episodes):
        results.append(watched.reset(seed=1))
        is_over = False
        while not is_over:
            results.append(watched.step(np.array([0.5, -0.5], np.float32)))
            is_over = results[-1][2] or results[-1][3]
    return results


def test_two_arms_have_no_single_gripper(monkeypatch):
    listener, env = Listener(), CountingEnv()
    info = env._info
    monkeypatch.setattr(env, "_info", lambda: info() | {"gripper_width": np.array((0.01, 0.02))})
    watch(env, listener)
    assert {record.gripper_width for record in listener.records} == {None}


def test_a_moment_joins_what_was_seen_with_what_was_done_there():
    listener = Listener()
    watch(CountingEnv(), listener, judge=Judge())
    assert [record.step for record in listener.records] == [0, 1, 2, 3]
    for index, record in enumerate(listener.records):
        assert (record.cameras["front"] == index).all()
        assert record.time_s == pytest.approx(0.2 * index)
        assert record.tcp_pose[0] == record.objects["cube"][0] == index
        assert record.gripper_width == pytest.approx(0.01 * index)
        assert record.probabilities == {"success": pytest.approx(0.1 * index)}
        assert record.reward == 0.5 * index
    assert [record.total_reward for record in listener.records] == [0.0, 0.5, 1.5, 3.0]
    for record in listener.records[:-1]:
        np.testing.assert_array_equal(record.action, [0.5, -0.5])
        np.testing.assert_array_equal(record.values.arm, [record.step, 0.5])
        assert record.success is None
    last = listener.records[-1]
    assert last.action is None
    assert last.values is None
    assert last.success is True
    assert last.is_terminated


def test_the_clock_s_end_is_none_of_the_task():
    listener = Listener()
    watch(CountingEnv(terminates=False), listener)
    assert listener.records[-1].is_last
    assert not listener.records[-1].is_terminated


def test_what_somebody_else_did_is_shown_and_judged():
    listener = Listener()
    watch(CountingEnv(takes_over_at=1), listener, judge=Judge())
    assert [record.is_intervention for record in listener.records] == [False, True, False, False]
    np.testing.assert_array_equal(listener.records[1].action, [-0.5, 0.5])
    np.testing.assert_array_equal(listener.records[1].values.arm, [1, -0.5])


def test_the_environment_answers_as_if_nobody_looked_on():
    plain, watched = watch(CountingEnv()), watch(CountingEnv(), Listener(needs_scene=True), judge=Judge())
    assert len(plain) == len(watched)
    for one, other in zip(plain, watched, strict=True):
        np.testing.assert_equal(other, one)


def test_only_who_wants_an_episode_is_told():
    short, long, judge = Listener(episodes=1), Listener(episodes=2), Judge()
    watch(CountingEnv(), short, long, judge=judge, episodes=3)
    assert {record.episode for record in short.records} == {1}
    assert {record.episode for record in long.records} == {1, 2}
    assert judge.episodes == 2  # Nobody asks it about the third.


def test_the_scene_is_drawn_where_there_are_no_cameras_and_somebody_wants_it():
    blind, seeing = CountingEnv(cameras=False), CountingEnv()
    listener = Listener(needs_scene=True, episodes=1)
    watch(blind, listener, episodes=2)
    watch(seeing, Listener(needs_scene=True))
    watch(blind, Listener())
    assert [int(record.scene[0, 0, 0]) for record in listener.records] == [0, 1, 2, 3]
    assert blind.rendered == 4
    assert seeing.rendered == 0


def test_labels_are_the_environment_s():
    labels = labels_of(CountingEnv(), 5.0)
    assert labels.cameras == ("front",)
    assert labels.thresholds == {"success": 0.7}
    assert labels.action == ("a0", "a1")
    assert labels.rate_hz == 5.0
