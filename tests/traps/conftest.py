"""An actor with a learner that grants everything, and a simulator, for traps that lie between modules."""

import contextlib
import types

import numpy as np
import pytest
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.enums import Pacing
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.actor.loop import Actor
from serl_rl.actor.rows import pack_rows, row_type
from serl_rl.actor.spool import Spool
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import spec_of
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import rows_from_proto


class GrantingClient:
    """A learner that grants every step and is content after some episodes."""

    def __init__(self, stop, episodes):
        self.status = types.SimpleNamespace(phase=pb.PHASE_TRAINING, is_connected=True)
        self.receiver = types.SimpleNamespace(wait=lambda timeout_s: True, take=lambda: None, taken_version=1)
        self.reports = []
        self._stop, self._episodes = stop, episodes

    def check(self):
        pass

    def wait_for_grant(self, sequence, timeout_s):
        return True

    def report_episode(self, summary):
        self.reports.append(summary)
        if len(self.reports) == self._episodes:
            self._stop.set()

    def drain(self, timeout_s):
        return True


class ConstantPolicy:
    """Always the same action."""

    def __init__(self, action):
        self.action = np.array(action, np.float32)

    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        return self.action.copy()


@pytest.fixture
def collect(tmp_path):
    """Runs the actor for some episodes; returns what the learner's replay holds then, and the reports."""

    def run(env, action, *, episodes=2, intervention=None):
        config, stop = TrainConfig(), StopSignal()
        spec = spec_of(env, config.environment)
        client = GrantingClient(stop, episodes)
        with contextlib.closing(Spool(tmp_path / "spool", row_type(spec), "run/a", 10_000_000)) as spool:
            Actor(env, spec, client, spool, ConstantPolicy(action), config, stop, intervention).run()
            sent = pack_rows(spool.read(1, 1000), spec).SerializeToString()
        replay = ReplayBuffer(spec, 1000)
        message = pb.StepBatch.FromString(sent)
        replay.append(rows_from_proto(message, spec, actor_id="a", first_sequence_number=1))
        return replay, client.reports

    return run


@pytest.fixture(scope="session")
def simulator_address():
    """One lockstep simulator for all tests; each opens its own session."""
    pytest.importorskip("mujoco")
    server = pytest.importorskip("simulator.api.server").build_server("pick-cube", Pacing.LOCKSTEP, 0)
    yield server.start()
    server.stop()
