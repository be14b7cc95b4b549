"""Resets out of the socket: an arm that moves to its start, as a real one does, over and over."""

import numpy as np
import pytest

from serl_client.envs.registration import make_training_env
from serl_tasks.peg_insert.expert import PegInsertExpert
from serl_tasks.peg_insert.places import PEG_BELOW_TCP
from serl_tasks.peg_insert.task import PEG_INSERT

LATERAL_BOUND_N = 10.0
PRECISION_M = 0.006
"""How far from its start a compliant arm may be when an episode begins; the daemon's own bound is 0.01 m."""


@pytest.fixture
def daemon():
    """A lockstep simulator in this process: `address`, and `samples`, what its arm measured at each 20 ms of motion."""
    build_server = pytest.importorskip("simulator.api.server").build_server
    server = build_server("peg-insert")
    server.samples = []
    watch = server.core.watch

    def sampled(state):
        server.samples.append(state)
        watch(state)

    server.core.watch = sampled
    server.address = server.start()
    yield server
    server.stop()


@pytest.fixture
def env(daemon):
    env = make_training_env("serl/PegInsert-v0", address=daemon.address)
    yield env
    env.close()


def insert(env, expert, observation, info):
    expert.reset()
    for _ in range(PEG_INSERT.max_episode_steps):
        observation, _, done, _, info = env.step(expert.action(observation, info))
        if done:
            return info
    raise AssertionError(f"the expert left the tip at {info['depth']:.3f} m")


@pytest.mark.parametrize("resets", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_resets_out_of_the_socket_jam_never_and_press_softly(daemon, env, caplog, resets):
    expert = PegInsertExpert(PEG_INSERT)
    observation, info = env.reset(seed=0)
    lateral, missed = [], []
    for _ in range(resets):
        assert insert(env, expert, observation, info)["depth"] > 0.02
        daemon.samples.clear()
        observation, info = env.reset(options={"keep_scene": True})
        assert "scene_seed" not in info, f"the arm was placed after {len(lateral)} resets: {caplog.text}"
        assert daemon.samples[0].tcp_pose.position[2] < PEG_BELOW_TCP + 0.01, "the retreat began in the socket"
        lateral.append(max(np.hypot(*state.external_wrench[:2]) for state in daemon.samples))
        missed.append(abs(info["tcp_pose"][2] - PEG_INSERT.start.center.position[2] - 0.1))
    assert "attempt" not in caplog.text
    assert max(lateral) < LATERAL_BOUND_N
    assert max(missed) < PRECISION_M
