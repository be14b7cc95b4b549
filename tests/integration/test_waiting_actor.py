"""An actor whose daemon goes away, or whose arm a person stops: it waits, says so, and goes on."""

from concurrent.futures import ThreadPoolExecutor

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit

from serl_api.lifetime.stop_signal import StopSignal
from serl_client import RobotClient, SessionClass, Task
from serl_client.envs.rewards import NoReward
from serl_client.envs.robot_env import RobotEnv
from serl_client.wrappers import FlattenState
from serl_rl.actor.loop import Actor
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool
from serl_rl.config.train import ActorConfig, TrainConfig
from serl_rl.envs.factory import spec_of
from serl_rl.learner.publish import PolicySnapshot
from serl_rl.replay.rows import RowKind
from tests.support.daemons import serve
from tests.support.learners import SETTINGS, RunningLearner, make_client
from tests.support.waiting import wait_until

TASK = Task(name="anything", rewards={"sparse": NoReward()}, max_episode_steps=5)
CONFIG = TrainConfig(actor=ActorConfig(ignores_grants=True))


class Wandering:
    """A policy that draws its actions and learns nothing."""

    def __init__(self, shape):
        self.shape = shape

    def begin_episode(self):
        pass

    def load(self, arrays):
        del arrays

    def act(self, observation, rng, *, deterministic=False):
        return rng.uniform(-1.0, 1.0, self.shape).astype(np.float32)


@pytest.fixture
def daemon():
    running = [serve()]
    yield running
    running[-1].stop()


@pytest.fixture
def learner_and_actor(daemon, tmp_path):
    """A learner that keeps rows, and an actor that drives the daemon's arm in a thread until the end of the test."""
    env: gymnasium.Env = RobotEnv(TASK, address=daemon[0].address, on_fault="truncate")
    env = FlattenState(TimeLimit(env, TASK.max_episode_steps), TASK.components(rotation=False))
    spec, stop = spec_of(env, CONFIG.environment), StopSignal()
    learner = RunningLearner(spec=spec)
    learner.publisher.publish(PolicySnapshot(1, bytes(16), 0))
    client = make_client(learner, settings=SETTINGS, spec=spec)
    joined = client.join(10.0)
    spool = Spool(tmp_path / "spool", row_type(spec), "run/a", 10_000_000, 1)
    client.start(spool)
    actor = Actor(env, spec, client, spool, Wandering(spec.action.shape), CONFIG, stop)
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(actor.run)
        yield learner, acting
        stop.set()
        acting.result(20.0)
    client.close()
    spool.close()
    env.close()
    learner.close()
    assert joined.run_id == "run"


def wait_for_rows(learner, acting, count):
    wait_until(lambda: acting.done() or learner.replay.environment_step_count >= count)
    assert not acting.done(), acting.exception()
    return learner.replay.environment_step_count


def disturb_by_a_stop(daemon, caplog):
    """A person stops the arm, sees that the actor waits, and lets it go on."""
    with RobotClient(daemon[-1].address) as robot:
        robot.stop("drill")
        wait_until(lambda: "stopped the arm" in caplog.text)
        robot.clear_stop()


def disturb_by_an_operator(daemon, caplog):
    """A person takes the arm over, sees that the actor waits, and gives it back."""
    with RobotClient(daemon[-1].address) as robot:
        actor = robot.get_state()
        with robot.control("ada", session_class=SessionClass.OPERATOR, take_over=True) as session:
            wait_until(lambda: '"ada" at ' in caplog.text)
            assert f"took the arm over with session {session.session_number}" in caplog.text
            held = robot.get_state()
            session.step(held.tcp_pose, period_s=0.05)
        assert (held.control_holder, held.control_class) == ("ada", SessionClass.OPERATOR)
        assert held.control_session_number > actor.control_session_number


def disturb_by_a_restart(daemon, caplog):
    """The daemon ends, and another begins at its address."""
    address = daemon[-1].address
    daemon[-1].stop()
    wait_until(lambda: "waiting for the arm" in caplog.text)
    daemon.append(serve(address=address))


@pytest.mark.parametrize("disturb", [disturb_by_a_stop, disturb_by_an_operator, disturb_by_a_restart])
def test_it_waits_says_why_and_goes_on(daemon, learner_and_actor, caplog, disturb):
    caplog.set_level("INFO")
    learner, acting = learner_and_actor
    before = wait_for_rows(learner, acting, 12)
    disturb(daemon, caplog)
    wait_for_rows(learner, acting, before + 40)
    assert "waiting for the arm: " in caplog.text
    assert "the arm is driven again" in caplog.text
    storage = learner.replay._storage
    kinds, episodes, indices = (
        storage.columns[name][: storage.end] for name in ("row_kinds", "episode_ids", "step_indices")
    )
    ends = np.flatnonzero(np.diff(episodes))
    assert (kinds[ends] == RowKind.FINAL).all(), "the episode that was cut short is closed like any other"
    assert (indices[ends + 1] == 0).all()
