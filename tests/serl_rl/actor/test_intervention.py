"""What of a teacher's work reaches the spool: executed actions, flags, penalties; whatever the learner does."""

import contextlib
import dataclasses
import types

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.lifetime.stop_signal import StopSignal
from serl_client.teleop.correction import CorrectionConfig
from serl_client.teleop.devices.keys import PressedKeys
from serl_client.teleop.opening import TeleopConfig
from serl_client.wrappers import Intervention
from serl_rl.actor.intervention import open_interventions
from serl_rl.actor.loop import Actor
from serl_rl.actor.rows import pack_rows, row_type
from serl_rl.actor.spool import Spool
from serl_rl.config.presets import preset
from serl_rl.config.train import ActorConfig, TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationConfig
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import rows_from_proto
from serl_tasks.point_mass.environment import PointMassEnv

FLOAT = np.dtype(np.float32)
SPEC = EnvironmentSpec(
    environment="test/Line-v0",
    observation=(ArraySpec(name="state", dtype=FLOAT, shape=(1,)),),
    action=ArraySpec(name="action", dtype=FLOAT, shape=(1,)),
)


class LineEnv(gymnasium.Env):
    """Five steps; the last one is a success. The gripper costs something where the action is negative."""

    observation_space = spaces.Dict({"state": spaces.Box(-9, 9, (1,), np.float32)})
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.observe(), {"step": 0}

    def step(self, action):
        self.steps += 1
        done = self.steps == 5
        info = {"step": self.steps, "success": done, "grasp_penalty": -0.02 if action[0] < 0 else 0.0}
        return self.observe(), float(done), done, False, info

    def observe(self):
        return {"state": np.full(1, self.steps, np.float32)}


class SomeSteps:
    """Takes over at the second and third step of each episode."""

    def __init__(self):
        self.episodes = 0

    def reset(self, observation, info):
        self.episodes += 1

    def intervene(self, action, observation, info):
        return np.array([-0.5]) if info["step"] in (1, 2) else None


class Policy:
    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        return np.array([0.25], np.float32)

    def load(self, arrays):
        pass


class Client:
    """A learner that grants everything, or is down; collects reports."""

    def __init__(self, stop, *, is_connected=True, episodes=3):
        self.status = types.SimpleNamespace(phase=pb.PHASE_TRAINING, is_connected=is_connected)
        self.receiver = types.SimpleNamespace(wait=lambda timeout_s: True, take=lambda: None, taken_version=1)
        self.reports, self.evaluations = [], []
        self._stop, self._episodes = stop, episodes

    def check(self):
        pass

    def wait_for_grant(self, sequence, timeout_s):
        return self.status.is_connected

    def report_episode(self, summary):
        self.reports.append(summary)
        if len(self.reports) == self._episodes:
            self._stop.set()

    def report_evaluation(self, summary, should_stop):
        self.evaluations.append(summary)

    def drain(self, timeout_s):
        return self.status.is_connected


@pytest.fixture
def act(tmp_path):
    def run(config=None, **client_options):
        stop = StopSignal()
        client = Client(stop, **client_options)
        spool = Spool(tmp_path / "spool", row_type(SPEC), "run/a", 1_000_000)
        teacher = SomeSteps()
        env = Intervention(LineEnv(), teacher)
        Actor(env, SPEC, client, spool, Policy(), config or TrainConfig(), stop, env).run()
        return spool.read(1, 1000), client, teacher

    return run


@pytest.mark.trap
def test_corrected_steps_are_stored_as_executed_and_flagged(act):
    rows, _, _ = act(episodes=1)
    assert rows["action"].ravel().tolist() == [0.25, -0.5, -0.5, 0.25, 0.25, 0.0]
    assert rows["intervention"].tolist() == [False, True, True, False, False, False]
    assert rows["grasp_penalty"].tolist() == pytest.approx([0, -0.02, -0.02, 0, 0, 0])


def test_the_share_of_corrected_steps_is_reported(act):
    _, client, _ = act()
    assert [report.intervention_ratio for report in client.reports] == pytest.approx([0.4] * 3)


@pytest.mark.trap
def test_a_learner_finds_them_among_its_transitions(act):
    rows, _, _ = act()
    message = pack_rows(rows, SPEC)
    assert message.HasField("grasp_penalties")
    replay = ReplayBuffer(SPEC, 100)
    replay.append(rows_from_proto(message, SPEC, actor_id="a", first_sequence_number=1))
    assert replay.intervention_count == 6
    batch = replay.sample(100, np.random.default_rng(0), only_interventions=True)
    assert set(batch.actions.ravel().tolist()) == {-0.5}
    assert set(batch.observations["state"].ravel().tolist()) == {1.0, 2.0}
    assert batch.grasp_penalties.tolist() == pytest.approx([-0.02] * 100)


def test_without_a_penalty_none_is_sent(act):
    rows, _, _ = act()
    rows = rows.copy()
    rows["grasp_penalty"] = 0.0
    assert not pack_rows(rows, SPEC).HasField("grasp_penalties")


def test_a_person_who_takes_over_while_the_learner_is_down_loses_nothing(act):
    config = TrainConfig(actor=ActorConfig(ignores_grants=True))
    rows, _, _ = act(config, is_connected=False)
    assert len(rows) == 18
    assert rows["intervention"].sum() == 6


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ActorConfig(), "the arm waits for the learner; with --actor.ignores-grants it would go on without"),
        (ActorConfig(ignores_grants=True, spool_limit_mb=1e-6), "the spool is full (actor.spool_limit_mb is 1e-06)"),
    ],
)
def test_why_the_arm_stands_still_is_said_once(tmp_path, caplog, config, sentence):
    stop, env = StopSignal(), Intervention(LineEnv(), SomeSteps())
    client = Client(stop, is_connected=False)
    spool = Spool(tmp_path / "spool", row_type(SPEC), "run/a", 1)
    looks = []

    def look(*arguments):
        looks.append(arguments)
        if len(looks) == 3:
            stop.set()
        return False

    client.wait_for_grant = spool.wait_for_room = look
    Actor(env, SPEC, client, spool, Policy(), TrainConfig(actor=config), stop, env).play()
    assert len(looks) == 3
    assert [record.message for record in caplog.records if sentence in record.message] == [caplog.records[0].message]


@pytest.mark.trap
def test_an_evaluation_is_the_policys_alone(act):
    config = TrainConfig(
        evaluation=EvaluationConfig(episode_count=2, shortest_gap_steps=0, longest_gap_steps=5, check_episode_count=2)
    )
    actions = []
    before = LineEnv.step

    def watched(self, action):
        actions.append(float(action[0]))
        return before(self, action)

    LineEnv.step = watched
    try:
        _, client, _ = act(config, episodes=2)
    finally:
        LineEnv.step = before
    assert [summary.success_count for summary in client.evaluations] == [2]
    assert actions[5:15] == [0.25] * 10


def test_an_evaluation_waits_until_somebody_listens(act):
    config = TrainConfig(
        actor=ActorConfig(ignores_grants=True),
        evaluation=EvaluationConfig(episode_count=2, shortest_gap_steps=0, longest_gap_steps=5),
    )
    rows, client, _ = act(config, is_connected=False)
    assert client.evaluations == []
    assert len(rows) == 18  # The arm did not wait.


def test_what_a_teacher_helped_with_triggers_no_evaluation(act):
    config = TrainConfig(
        evaluation=EvaluationConfig(trigger_episode_count=1, trigger_success_ratio=0.5, shortest_gap_steps=0)
    )
    _, client, _ = act(config, episodes=4)
    assert client.evaluations == []


@contextlib.contextmanager
def wrap(env, config, *, human_reward=False):
    options = {"human_reward": human_reward, "should_stop": lambda: False}
    with open_interventions(config, TeleopConfig(), **options) as add_intervention:
        yield add_intervention(env, config)


def test_the_script_of_the_task_corrects():
    config = dataclasses.replace(
        preset("debug"), intervene="scripted", correction=CorrectionConfig(probability=1.0, rest_steps=0)
    )
    with wrap(PointMassEnv(), config) as together:
        observation, _ = together.env.reset(seed=0)
        *_, info = together.env.step(np.zeros(2, np.float32))
        np.testing.assert_allclose(info["intervention_action"], np.clip(-observation["state"] / 0.1, -1, 1), atol=1e-6)
        with together.intervention.suspended():
            assert together.env.step(np.zeros(2, np.float32))[-1]["intervention"] is False


def test_nobody_corrects_unless_asked():
    env = PointMassEnv()
    with wrap(env, preset("debug")) as together:
        assert together.env is env
        assert together.intervention is None


def test_a_task_without_an_expert_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "cable_route.py").write_text("from serl_client import Task\nTASK = Task(name='cable-route')\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = TrainConfig(environment=EnvironmentConfig(id="cable_route:TASK"), intervene="scripted")
    with pytest.raises(UsageError, match="no scripted expert for cable_route:TASK"), wrap(PointMassEnv(), config):
        pass


def test_a_person_takes_over_judges_and_pauses(monkeypatch):
    class HandEnv(LineEnv):
        action_space = spaces.Box(-1, 1, (3,), np.float32)
        metadata = {"render_fps": 1000}  # noqa: RUF012

    keys = PressedKeys(None)
    monkeypatch.setattr(keys, "close", lambda: None, raising=False)
    monkeypatch.setattr("serl_client.teleop.opening.TerminalKeys", lambda: keys)
    config = TrainConfig(intervene="keyboard")
    with wrap(HandEnv(), config, human_reward=True) as together:
        together.env.reset()
        keys.press("e")
        *_, info = together.env.step(np.zeros(3, np.float32))
        assert info["intervention_action"].tolist() == [0, 0, 1]
        keys.press("y")
        _, reward, terminated, _, info = together.env.step(np.zeros(3, np.float32))
        assert (reward, terminated, info["success"]) == (1.0, True, True)
