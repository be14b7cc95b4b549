import numpy as np
import pytest

from serl_rl.errors import RemotePolicyError, UsageError
from serl_rl.policies.remote.config import RemoteExecution
from serl_rl.policies.remote.connection import PolicyConnection
from serl_rl.policies.remote.policy import RemotePolicy
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from tests.support.policy_servers import serving

SPEC = EnvironmentSpec(
    environment="serl/Toy-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(3,)),
        ArraySpec(name="front", dtype=np.dtype(np.uint8), shape=(4, 5, 3)),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,)),
)
OBSERVATION = {"state": np.array((1.0, 2.0, 3.0), np.float32), "front": np.full((4, 5, 3), 7, np.uint8)}
CHUNK = {"actions": np.array([[0.1, 0.2], [0.3, 0.4], [5.0, -5.0]])}
RNG = np.random.default_rng(0)


def acting(server, **execution):
    connection = PolicyConnection(server.address, timeout_s=0.3)
    return RemotePolicy(connection, SPEC, RemoteExecution(**execution))


@pytest.mark.parametrize(("executed", "asked"), [(0, 2), (1, 5), (2, 3)])
def test_a_chunk_is_executed_before_the_next_is_asked_for(executed, asked):
    with serving(lambda _: CHUNK) as server:
        policy = acting(server, executed_steps=executed)
        actions = [policy.act(OBSERVATION, RNG) for _ in range(5)]
        assert len(server.requests) == asked
        wanted = np.clip(CHUNK["actions"], -1, 1)[: executed or None]
        for index, action in enumerate(actions):
            assert action.dtype == np.float32
            assert action == pytest.approx(wanted[index % len(wanted)])


def test_an_episode_begins_without_the_chunk_of_the_last_one():
    with serving(lambda _: CHUNK) as server:
        policy = acting(server)
        policy.act(OBSERVATION, RNG)
        policy.begin_episode()
        assert policy.act(OBSERVATION, RNG) == pytest.approx(CHUNK["actions"][0])
        assert len(server.requests) == 2


def test_the_server_gets_what_is_observed_under_its_own_names_with_the_instruction_and_the_key():
    with serving(lambda _: CHUNK) as server:
        connection = PolicyConnection(server.address, api_key="secret")
        execution = RemoteExecution(instruction="lift", observation_keys=("front=observation/image",))
        RemotePolicy(connection, SPEC, execution).act(OBSERVATION, RNG)
        assert server.headers["Authorization"] == "Api-Key secret"
        (request,) = server.requests
        assert request.keys() == {"observation/state", "observation/image", "prompt"}
        assert request["prompt"] == "lift"
        np.testing.assert_array_equal(request["observation/image"], OBSERVATION["front"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "gave no answer for 0.3 s; the arm holds"),
        (
            "Traceback (most recent call last):\n  File x\nValueError: no such camera\n",
            "refused: ValueError: no such camera",
        ),
        ({"actions": np.zeros((3, 7))}, r"actions of shape \(3, 7\), but serl/Toy-v0 takes \(steps, 2\)"),
        ({"actions": np.zeros((0, 2))}, "another robot"),
        ({"actions": np.full((3, 2), np.nan)}, "not finite; the arm holds"),
        ({"action": np.zeros((3, 2))}, 'without an array "actions"'),
        (b"\xc1", "is no policy server"),
    ],
)
def test_a_server_that_fails_after_a_good_chunk_is_told_in_a_sentence(answer, words):
    answers = iter((CHUNK, answer))
    with serving(lambda _: next(answers)) as server:
        policy = acting(server)
        for _ in range(3):
            policy.act(OBSERVATION, RNG)
        with pytest.raises(RemotePolicyError, match=words):
            policy.act(OBSERVATION, RNG)


def test_a_server_that_is_gone_is_told_in_a_sentence():
    with serving(lambda _: CHUNK) as server:
        policy = acting(server, executed_steps=1)
        policy.act(OBSERVATION, RNG)
    with pytest.raises(RemotePolicyError, match="has gone away"):
        policy.act(OBSERVATION, RNG)
    with pytest.raises(RemotePolicyError, match="no policy server answers at"):
        PolicyConnection(server.address, timeout_s=0.3)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (
            {"inputs": {"qpos": [3]}, "action_size": 2},
            r"reads qpos, but serl/Toy-v0 observes state \(3,\), front \(4, 5, 3\)",
        ),
        ({"inputs": {"state": [14]}, "action_size": 2}, r"state of shape \(14,\), but in serl/Toy-v0 it is \(3,\)"),
        ({"inputs": {"front": [8, 8, 3]}, "action_size": 2}, "front of shape"),
        ({"inputs": {"state": [3]}, "action_size": 14}, "gives actions of 14 numbers, but serl/Toy-v0 takes 2"),
        ({"inputs": 5}, "describes its policy as"),
    ],
)
def test_a_policy_of_another_robot_is_refused_before_anything_moves(about, words):
    with serving(lambda _: CHUNK, {"serl_policy": about}) as server, pytest.raises(RemotePolicyError, match=words):
        acting(server)


@pytest.mark.parametrize(
    ("address", "words"),
    [("nonsense", "must be host:port"), ("http://a:1", "must be host:port"), ("far-away:8000", "in clear text")],
)
def test_an_address_that_cannot_be_used_is_refused(address, words):
    with pytest.raises(RemotePolicyError, match=words):
        PolicyConnection(address, api_key="secret", timeout_s=0.3)


@pytest.mark.parametrize(("keys", "words"), [(("top=x",), "names top, but"), (("front",), "must be like")])
def test_names_of_nothing_are_refused(keys, words):
    with serving(lambda _: CHUNK) as server, pytest.raises(UsageError, match=words):
        acting(server, observation_keys=keys)
