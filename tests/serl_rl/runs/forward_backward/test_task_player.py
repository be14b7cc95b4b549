"""A player that learns, and what becomes of it once its learner has finished."""

import contextlib
import dataclasses
import types

import gymnasium
import numpy as np
import pytest
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.actor import joining
from serl_rl.actor.intervention import InterventionEnvironment
from serl_rl.actor.joining import ActorIdentity, JoinedActor
from serl_rl.actor.loop import EpisodeEnd
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import RobotConfig
from serl_rl.errors import LearnerUnreachableError, UsageError
from serl_rl.runs.forward_backward import actor as acting
from serl_rl.runs.forward_backward.actor import PairActor
from serl_rl.runs.forward_backward.task_pair import task_pair_of
from serl_rl.runs.forward_backward.task_player import LearningTaskPlayer
from serl_tasks.two_way_point_mass.environment import Point, TwoWayPointMassEnv


class Learning:
    """Stands for actor, client and spool: its learner finishes after some episodes and leaves a last policy."""

    address = "gpu:50052"

    def __init__(self, episodes):
        self.left = episodes
        self.diary = []
        self.receiver = types.SimpleNamespace(
            take=lambda: types.SimpleNamespace(arrays={"push": np.array((1.0, 0.0), np.float32)}),
            wait=lambda timeout_s: True,
        )

    @property
    def is_over(self):
        return self.left == 0

    def play(self):
        self.left -= 1
        self.diary.append("collects")
        return EpisodeEnd.OPEN

    def drain(self):
        self.diary.append("drains")

    def check(self):
        raise LearnerUnreachableError("no learner answers")

    def close(self):
        self.diary.append("closes")


class Pushing:
    """A policy that always pushes the same way."""

    def load(self, arrays):
        self._push = arrays["push"]

    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        return self._push


def learning_player(learning, point, stop=None):
    env = TwoWayPointMassEnv("right", point)
    joined = JoinedActor(actor=learning, client=learning, spool=learning, policy=Pushing())
    return LearningTaskPlayer(env, joined, stop or StopSignal())


def test_once_its_learner_has_finished_it_leaves_and_plays_with_the_last_policy():
    learning, point = Learning(2), Point()
    player = learning_player(learning, point)
    player.wait_for_policy()
    assert [player.play(), player.play()] == [EpisodeEnd.OPEN] * 2
    assert not player.is_learning
    assert player.play() is EpisodeEnd.DONE
    assert point.position[0] >= 0.4
    assert player.play() is EpisodeEnd.DONE_BEFORE
    assert learning.diary == ["collects", "collects", "drains", "closes", "closes"]  # Client and spool, once.


def test_a_refusal_ends_the_wait_for_a_policy():
    learning = Learning(1)
    learning.receiver.wait = lambda timeout_s: False
    with pytest.raises(LearnerUnreachableError):
        learning_player(learning, Point()).wait_for_policy()


def test_a_stop_ends_the_wait_for_a_policy():
    learning, stop = Learning(1), StopSignal()
    learning.receiver.wait = lambda timeout_s: False
    stop.set()
    learning_player(learning, Point(), stop).wait_for_policy()


class JudgedEnv(gymnasium.Wrapper):
    """Somebody says at the second step that the task is done."""

    def reset(self, **options):
        self.steps = 0
        return self.env.reset(**options)

    def step(self, action):
        self.steps += 1
        observation, reward, _, truncated, info = self.env.step(action)
        return observation, reward, self.steps == 2, truncated, info | {"success": self.steps == 2}


class FinishedClient(Learning):
    """A client of a learner that has finished."""

    status = types.SimpleNamespace(phase=pb.PHASE_FINISHED, is_connected=True)

    def __init__(self, *arguments):
        super().__init__(0)

    def join(self, timeout_s, should_stop):
        return types.SimpleNamespace(run_id="run", acknowledged_sequence_number=0)

    def start(self, spool):
        pass

    def drain(self, timeout_s):
        return True


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_finished_player_is_still_judged_by_whoever_judges(tmp_path, monkeypatch, is_folder):
    actor = actor_of(tmp_path, forward=str(tmp_path) if is_folder else "gpu:50052")
    actor = dataclasses.replace(
        actor, add_intervention=lambda env, config: InterventionEnvironment(JudgedEnv(env), None)
    )
    away = Pushing()
    away.load({"push": np.array((0.0, 1.0), np.float32)})
    monkeypatch.setattr(acting, "load_policy", lambda path: (away, actor.task_pair.forward, {}))
    monkeypatch.setattr(TrainConfig, "make_policy", lambda config, spec: away)
    monkeypatch.setattr(joining, "LearnerClient", FinishedClient)
    monkeypatch.setattr(Pushing, "load", lambda self, arrays: None)
    with contextlib.ExitStack() as stack:
        player = actor._make_player("forward", TwoWayPointMassEnv("right", Point()), StopSignal(), stack)
        assert player.play() is EpisodeEnd.DONE


def actor_of(tmp_path, **learners):
    config = TrainConfig(environment=EnvironmentConfig(id="serl/PointRight-v0"))
    return PairActor(
        task_pair=task_pair_of(config),
        learners=learners,
        robot=RobotConfig(),
        identity=ActorIdentity(actor_id="a", spool_directory=tmp_path),
        add_intervention=lambda env, config: None,
    )


def test_two_finished_runs_have_nothing_to_learn(tmp_path):
    actor = actor_of(tmp_path, forward=str(tmp_path), backward=str(tmp_path))
    with pytest.raises(UsageError, match="both learners are folders of finished runs"):
        actor.run(StopSignal(), lambda: None)
