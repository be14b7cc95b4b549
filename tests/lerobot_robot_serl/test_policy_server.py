"""The plug-in's server and the product's client of it, over a real socket, with a policy that is no network."""

import threading
from urllib.request import urlopen

import numpy as np
import pytest
from lerobot_robot_serl.policy_server import PolicyServer

from serl_rl.errors import RemotePolicyError
from serl_rl.policies.remote.config import RemoteExecution
from serl_rl.policies.remote.connection import PolicyConnection
from serl_rl.policies.remote.policy import RemotePolicy
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

RNG = np.random.default_rng(0)


class Counter:
    """Gives the state back twice, and the number of episodes and the length of the instruction."""

    inputs = {"state": (2,)}  # noqa: RUF012
    action_size = 4

    def __init__(self):
        self.episodes = 0

    def begin_episode(self):
        self.episodes += 1

    def actions(self, observation, instruction):
        action = np.array([*observation["state"], self.episodes / 10, len(instruction) / 10], np.float32)
        return np.stack([action, action])


@pytest.fixture
def server():
    running = PolicyServer(Counter())
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running
    running.stop()
    thread.join()


def vector(name, size):
    return ArraySpec(name=name, dtype=np.dtype(np.float32), shape=(size,))


def test_actions_come_back_and_episodes_are_told_apart(server):
    spec = EnvironmentSpec(
        environment="toy", observation=(vector("state", 2), vector("extra", 9)), action=vector("a", 4)
    )
    with PolicyConnection(server.address) as connection:
        policy = RemotePolicy(connection, spec, RemoteExecution(instruction="lift", executed_steps=1))
        seen = {"state": np.array((0.25, -0.5), np.float32), "extra": np.zeros(9, np.float32)}
        for episode in (1, 2):
            policy.begin_episode()
            for _ in range(2):
                assert policy.act(seen, RNG) == pytest.approx([0.25, -0.5, episode / 10, 0.4])


def test_an_observation_that_lacks_something_is_refused_in_a_sentence(server):
    words = r"observation/state is missing; the policy reads \(2,\)"
    with PolicyConnection(server.address) as connection, pytest.raises(RemotePolicyError, match=words):
        connection.infer({"prompt": ""})


def test_it_says_that_it_is_alive(server):
    with urlopen(f"http://{server.address}/healthz") as answer:
        assert answer.status == 200
