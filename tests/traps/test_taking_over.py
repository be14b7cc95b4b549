"""A person who takes over: with a device that is unplugged meanwhile, and while the learner is down."""

import contextlib
import logging
import queue
import types

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from serl.learner.v1 import tensor_pb2

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import ServerSecurity
from serl_client.teleop.devices.device import TeleopSample
from serl_client.teleop.devices.spacemouse import open_spacemouse
from serl_client.teleop.human import HumanIntervention
from serl_client.wrappers import Intervention
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.loop import Actor
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool
from serl_rl.config.train import ActorConfig, TrainConfig
from serl_rl.envs.factory import spec_of
from serl_rl.learner.ingest import Ingest
from serl_rl.learner.publish import PolicyPublisher
from serl_rl.learner.run_state import RunState
from serl_rl.learner.server import learner_server
from serl_rl.learner.service import LearnerServicer
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from serl_rl.replay.buffer import ReplayBuffer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

FULL_RIGHT = bytes.fromhex("01 5E 01 00 00 00 00")  # 350 of 350 along the mouse's own x.
POLICY = np.array((0.25, -0.25, 0.0), np.float32)


class LineEnv(gymnasium.Env):
    """Episodes of a few steps that the clock ends; `after_step` is called with the number of each step."""

    observation_space = spaces.Dict({"state": spaces.Box(-99, 99, (2,), np.float32)})
    action_space = spaces.Box(-1, 1, (3,), np.float32)

    def __init__(self, after_step=lambda number: None, length=4):
        self.after_step = after_step
        self.length = length
        self.episode, self.total = -1, 0

    def reset(self, *, seed=None, options=None):
        self.episode += 1
        self.steps = 0
        return self.observe(), {"step": 0}

    def step(self, action):
        self.steps += 1
        self.total += 1
        self.after_step(self.total)
        return self.observe(), 0.0, False, self.steps == self.length, {"step": self.steps}

    def observe(self):
        return {"state": np.array((self.episode, self.steps), np.float32)}


class Mouse:
    """A SpaceMouse of hidapi that plays reports until it is unplugged."""

    def __init__(self):
        self.reports = queue.Queue()
        self.is_plugged = True

    def enumerate(self):
        entry = {"vendor_id": 0x256F, "product_id": 0xC635, "product_string": "SpaceMouse Compact", "path": b"/dev/h"}
        return [entry | {"usage_page": 1, "usage": 8}] if self.is_plugged else []

    def open(self, path):
        if not self.is_plugged:
            raise OSError("open failed")
        return self

    def read(self, max_bytes, timeout_ms):
        try:
            report = self.reports.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return []
        if report is None:
            raise OSError("read error")
        return list(report)

    def close(self):
        pass

    def unplug(self):
        self.is_plugged = False
        self.reports.put(None)


def transitions(replay):
    """(episode, step): (executed action, whether a person chose it) of every transition."""
    batch = replay.sample(600, np.random.default_rng(0))
    columns = batch.observations["state"], batch.actions, batch.interventions
    found = {tuple(map(int, state)): (tuple(a.tolist()), bool(i)) for state, a, i in zip(*columns, strict=True)}
    assert len(found) == replay.transition_count
    return found


def test_a_spacemouse_that_is_unplugged_gives_the_arm_back_and_loses_no_step(collect, caplog):
    caplog.set_level(logging.INFO)
    mouse = Mouse()
    with contextlib.closing(open_spacemouse(hid=mouse, retry_s=0.01)) as device:

        def after_step(number):
            if number == 1:
                mouse.reports.put(FULL_RIGHT)
                wait_until(lambda: device.read().is_active)
            if number == 3:
                mouse.unplug()
                wait_until(lambda: not device.read().is_connected)

        env = Intervention(LineEnv(after_step), HumanIntervention([device], 3, hold_s=0.0, max_gripper_width=0.0))
        replay, reports = collect(env, POLICY, episodes=2)
    found = transitions(replay)
    assert set(found) == {(episode, step) for episode in range(2) for step in range(4)}
    assert {key for key, (_, by_person) in found.items() if by_person} == {(0, 1), (0, 2)}
    for by_hand in (found[0, 1][0], found[0, 2][0]):
        assert np.abs(by_hand).max() == pytest.approx(1.0)  # Pushed fully along one axis, whichever it is in base.
    assert all(action == tuple(POLICY.tolist()) for action, by_person in found.values() if not by_person)
    assert [report.intervention_ratio for report in reports] == [0.5, 0.0]
    faults = [record.message for record in caplog.records if "unplugged" in record.message]
    assert len(faults) == 1
    assert "SpaceMouse Compact" in faults[0]


class Hand:
    """A device that moves while it is told to."""

    name, fault, help = "hand", "", ""
    is_moving = False

    def read(self):
        twist = np.full(6, 0.5 * self.is_moving)
        return TeleopSample(twist=twist, gripper=0.0, buttons=frozenset(), time=0.0, is_connected=True)


@pytest.mark.trap
@pytest.mark.parametrize(("hold_s", "resting_steps"), [(0.0, 0), (0.25, 2)])
def test_a_hand_at_rest_is_no_human_action_for_longer_than_was_asked_for(collect, hold_s, resting_steps):
    # SERL's wrapper stored zeros as a person's actions for half a second after each movement.
    hand, now = Hand(), [10.0]

    def after_step(number):
        now[0] += 0.1
        hand.is_moving = number in (1, 2)

    teacher = HumanIntervention([hand], 3, hold_s=hold_s, clock=lambda: now[0] + 1e-6)
    replay, _ = collect(Intervention(LineEnv(after_step, length=8), teacher), POLICY, episodes=1)
    found = transitions(replay)
    moving, resting, alone = ((0.5, 0.5, 0.5), True), ((0.0, 0.0, 0.0), True), (tuple(POLICY.tolist()), False)
    told = [alone, moving, moving, *[resting] * resting_steps]
    expected = [*told, *[alone] * (8 - len(told))]
    assert [found[0, step] for step in range(8)] == expected


class Learner:
    """A learner's service without training; its replay is on the disk."""

    def __init__(self, spec, directory, address="127.0.0.1:0"):
        rate_limiter = UpdateRateLimiter(
            ratio=1, warm_up_steps=10**6, lead_steps=10, tolerance_steps=0, max_env_steps=10**7
        )
        self.state = RunState("run", rate_limiter)
        self.publisher = PolicyPublisher()
        self.replay = ReplayBuffer(spec, 1000, directory)
        ingest = Ingest(self.state, (), "1.0.0")
        ingest.offer_spec(spec)
        layout = (tensor_pb2.Tensor(name="weight", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=(1,)),)
        ingest.open(self.replay, layout)
        self.state.set_env_steps(self.replay.environment_step_count)
        servicer = LearnerServicer(self.state, ingest, self.publisher, 4, lambda response: None)
        self.server = learner_server(servicer, address, ServerSecurity(), 4)
        self.address = self.server.start()

    def close(self):
        self.state.close()
        self.publisher.close()
        self.server.stop(0.2)
        self.replay.close()


class SomeSteps:
    """Takes over at the second and third step of each episode."""

    def reset(self, observation, info):
        pass

    def intervene(self, action, observation, info):
        return np.array((-0.5, 0.5, 1.0)) if info["step"] in (1, 2) else None


@pytest.mark.trap
def test_what_a_person_does_while_the_learner_is_down_is_learned_from_later(tmp_path, caplog):
    caplog.set_level(logging.INFO, "serl_rl.actor")
    env = Intervention(LineEnv(), SomeSteps())
    config = TrainConfig(actor=ActorConfig(ignores_grants=True))
    spec = spec_of(env, config.environment)
    learner = Learner(spec, tmp_path / "replay")
    policy = types.SimpleNamespace(begin_episode=lambda: None, act=lambda observation, rng: POLICY, load=None)
    with contextlib.closing(LearnerClient(learner.address, "a", spec, (), "1.0.0")) as client:
        client.join(5.0)
        spool = Spool(tmp_path / "spool", row_type(spec), "run/a", 1_000_000)
        client.start(spool)
        actor = Actor(env, spec, client, spool, policy, config, StopSignal(), env)
        actor.play()
        assert client.drain(5.0)
        assert len(transitions(learner.replay)) == 4
        address = learner.address
        learner.close()
        for _ in range(2):
            actor.play()  # The arm does not wait for a learner.
        assert spool.waiting_count == 10
        wait_until(lambda: caplog.records)  # Its loss is noticed at the next attempt to reach it.
        learner = Learner(spec, tmp_path / "replay", address)
        assert client.drain(10.0)
        found = transitions(learner.replay)
    spool.close()
    learner.close()
    gone, back = (record.message for record in caplog.records)  # Each once, however often it was tried.
    assert f"the learner at {address} does not answer" in gone
    assert gone.endswith("; steps wait on the disk until it is back")
    assert back == f"the learner at {address} is back"
    by_person, alone = ((-0.5, 0.5, 1.0), True), (tuple(POLICY.tolist()), False)
    assert found == {
        (episode, step): by_person if step in (1, 2) else alone for episode in range(3) for step in range(4)
    }
