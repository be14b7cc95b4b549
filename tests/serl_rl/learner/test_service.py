"""LearnerService over a real loopback socket: handshake, rows, policy, reports."""

import contextlib
import dataclasses
import threading
import time

import grpc
import numpy as np
import pytest
from serl.learner.v1 import learner_service_pb2, learner_service_pb2_grpc
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.security import ServerSecurity, open_channel
from serl_api.settings import ConfigError
from serl_rl import errors
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.rows import make_row, row_type
from serl_rl.actor.spool import Spool
from serl_rl.learner.publish import PolicySnapshot
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from serl_rl.protocol import transport
from serl_rl.replay.rows import rows_from_proto
from serl_rl.replay.storage import MAX_ACTORS
from tests.support.learners import SETTINGS, SPEC, RunningLearner, batch, join_request, make_client
from tests.support.waiting import wait_until

WAIT_S = 5.0


@pytest.fixture
def learner():
    running = RunningLearner()
    yield running
    running.close()


@pytest.fixture
def stub(learner):
    with open_channel(learner.address) as channel:
        yield learner_service_pb2_grpc.LearnerServiceStub(channel)


def refusal(call):
    """The typed error of a refused call."""
    with pytest.raises(grpc.RpcError) as caught:
        list(call()) if callable(call) else call
    return transport.learner_error(caught.value, "learner")


def stream(stub, *requests):
    return list(stub.StreamSteps(iter(requests), timeout=WAIT_S))


def test_join_tells_the_run_and_the_layout(stub):
    joined = stub.Join(join_request())
    assert joined.run_id == "run"
    assert joined.acknowledged_sequence_number == 0
    assert [tensor.name for tensor in joined.policy_layout] == ["weight"]
    assert joined.granted_sequence_number > 0


def test_other_spec_is_refused_with_field_and_both_values(stub):
    array = dataclasses.replace(SPEC.observation[0], shape=(4,))
    error = refusal(lambda: [stub.Join(join_request(spec=dataclasses.replace(SPEC, observation=(array,))))])
    assert isinstance(error, errors.SpecMismatchError)
    assert error.metadata == {"field": "observation.state.shape", "actor": "(4,)", "learner": "(3,)"}
    assert "(4,)" in str(error)
    assert "(3,)" in str(error)


def test_a_refusal_over_names_without_end_arrives_in_its_own_words(stub):
    names = tuple(f"{number:03d}{125 * 'x'}" for number in range(200))
    array = dataclasses.replace(SPEC.observation[0], shape=(200,), component_names=names)
    error = refusal(lambda: [stub.Join(join_request(spec=dataclasses.replace(SPEC, observation=(array,))))])
    assert isinstance(error, errors.SpecMismatchError)
    assert error.metadata["field"].startswith("observation.state")
    error = refusal(lambda: [stub.Join(join_request(settings=(("environment.id", 60_000 * "y"),)))])
    assert isinstance(error, errors.ConfigMismatchError)
    assert len(str(error)) < 1000


def test_other_setting_is_refused_with_path_and_both_values(stub):
    error = refusal(lambda: [stub.Join(join_request(settings=(("environment.id", "other"),)))])
    assert isinstance(error, errors.ConfigMismatchError)
    assert error.metadata == {"field": "environment.id", "actor": "other", "learner": "test"}


def test_other_major_version_is_refused(stub):
    error = refusal(lambda: [stub.Join(join_request(version="2.0.0"))])
    assert isinstance(error, errors.VersionMismatchError)


def test_steps_before_join_are_refused(stub):
    error = refusal(lambda: stream(stub, batch(1, 3)))
    assert isinstance(error, errors.NotJoinedError)


@pytest.mark.trap
def test_rows_are_acknowledged_once_the_replay_holds_them(learner, stub):
    stub.Join(join_request())
    answers = stream(stub, batch(1, 3), batch(4, 2))
    assert answers[-1].acknowledged_sequence_number == 5
    assert learner.replay.row_count == 5


@pytest.mark.trap
def test_rows_that_come_twice_are_stored_once(learner, stub):
    stub.Join(join_request())
    stream(stub, batch(1, 3))
    answers = stream(stub, batch(2, 4))
    assert answers[-1].acknowledged_sequence_number == 5
    assert learner.replay.row_count == 5


def test_a_gap_is_refused_with_the_expected_number(stub):
    stub.Join(join_request())
    error = refusal(lambda: stream(stub, batch(1, 2), batch(5, 1)))
    assert isinstance(error, errors.SequenceGapError)
    assert error.metadata["expected"] == "3"


def test_an_action_out_of_range_is_refused_by_name(stub):
    stub.Join(join_request())
    request = batch(1, 2)
    request.batch.actions.data = np.full((2, 2), 1.5, np.float32).tobytes()
    error = refusal(lambda: stream(stub, request))
    assert isinstance(error, errors.InvalidBatchError)
    assert error.metadata["field"] == "actions"


def test_a_second_stream_of_one_actor_is_refused(learner, stub):
    stub.Join(join_request())
    held = threading.Event()

    def requests():
        yield batch(1, 1)
        held.wait(WAIT_S)

    first = stub.StreamSteps(requests())
    next(first)
    error = refusal(lambda: stream(stub, batch(2, 1)))
    held.set()
    assert isinstance(error, errors.ActorNameTakenError)
    assert error.metadata["actor_id"] == "a"


@pytest.mark.trap
def test_streams_beyond_the_limit_are_refused_while_unary_calls_work():
    learner = RunningLearner(max_streams=1)
    with open_channel(learner.address) as channel:
        stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
        stub.Join(join_request())
        learner.publisher.publish(PolicySnapshot(1, bytes(16), 0))
        first = stub.WatchPolicy(pb.WatchPolicyRequest(actor_id="a"))
        next(first)
        error = refusal(lambda: stub.WatchPolicy(pb.WatchPolicyRequest(actor_id="b"), timeout=WAIT_S))
        assert isinstance(error, errors.TooManyStreamsError)
        assert stub.GetProgress(pb.GetProgressRequest()).policy_version == 1
        first.cancel()
    learner.close()


@pytest.mark.trap
def test_a_late_watcher_gets_the_newest_policy_at_once(learner, stub):
    learner.publisher.publish(PolicySnapshot(1, bytes(16), 0))
    learner.publisher.publish(PolicySnapshot(9, b"x" * 2_500_000, 70))
    stub.Join(join_request())
    call = stub.WatchPolicy(pb.WatchPolicyRequest(actor_id="a"))
    pieces = [next(call) for _ in range(3)]
    call.cancel()
    assert {piece.version for piece in pieces} == {9}
    assert [piece.offset for piece in pieces] == [0, 1_000_000, 2_000_000]
    assert sum(len(piece.data) for piece in pieces) == pieces[0].total_bytes == 2_500_000


def test_reports_are_recorded_once(learner, stub):
    episode = pb.EpisodeSummary(episode_id=4, success=True)
    evaluation = pb.EvaluationSummary(policy_version=3, episode_count=50, success_count=49)
    stub.Join(join_request())
    for _ in range(2):
        stub.ReportEpisode(pb.ReportEpisodeRequest(actor_id="a", episode=episode))
        stub.ReportEvaluation(pb.ReportEvaluationRequest(actor_id="a", evaluation=evaluation))
    assert learner.state.episode_count == 1
    assert len(learner.state.take_evaluations()) == 1
    assert stub.GetProgress(pb.GetProgressRequest()).evaluation_success_ratio == pytest.approx(0.98)


STRANGERS = {
    "StreamSteps": lambda stub: stub.StreamSteps(iter([pb.StreamStepsRequest(actor_id="stranger")])),
    "WatchPolicy": lambda stub: stub.WatchPolicy(pb.WatchPolicyRequest(actor_id="stranger")),
    "ReportEpisode": lambda stub: [stub.ReportEpisode(pb.ReportEpisodeRequest(actor_id="stranger"))],
    "ReportEvaluation": lambda stub: [
        stub.ReportEvaluation(
            pb.ReportEvaluationRequest(
                actor_id="stranger", evaluation=pb.EvaluationSummary(episode_count=100, success_count=100)
            )
        )
    ],
}
"""Every call that changes a run or takes of it, by whom has not joined."""


def test_the_calls_of_strangers_are_all_that_there_are():
    service = learner_service_pb2.DESCRIPTOR.services_by_name["LearnerService"]
    assert {method.name for method in service.methods} - {"Join", "GetProgress"} == set(STRANGERS)


@pytest.mark.parametrize("name", STRANGERS)
def test_whoever_has_not_joined_is_refused_and_changes_nothing(learner, stub, name):
    stub.Join(join_request())
    learner.publisher.publish(PolicySnapshot(1, bytes(16), 0))
    error = refusal(lambda: STRANGERS[name](stub))
    assert isinstance(error, errors.NotJoinedError)
    assert (learner.state.episode_count, learner.state.take_evaluations()) == (0, [])
    assert learner.replay.acknowledged("stranger") == 0


def test_more_successes_than_episodes_are_refused(learner, stub):
    stub.Join(join_request())
    evaluation = pb.EvaluationSummary(episode_count=5, success_count=6)
    error = refusal(lambda: [stub.ReportEvaluation(pb.ReportEvaluationRequest(actor_id="a", evaluation=evaluation))])
    assert "6 successes in 5 episodes" in str(error)
    assert learner.state.take_evaluations() == []


def test_only_so_many_actors_join(learner):
    for number in range(MAX_ACTORS):
        learner.ingest.join(join_request(actor_id=f"actor-{number}"))
    learner.ingest.join(join_request(actor_id="actor-0"))
    with pytest.raises(errors.TooManyStreamsError, match="1024 actors have joined"):
        learner.ingest.join(join_request(actor_id="one-more"))


def test_reports_do_not_grow_without_bound(learner):
    state = learner.state
    for number in range(5000):
        assert state.record_episode("a", pb.EpisodeSummary(episode_id=number))
        assert state.record_evaluation("a", pb.EvaluationSummary(policy_version=number))
    assert not state.record_episode("a", pb.EpisodeSummary(episode_id=4999))
    assert len(state.take_evaluations()) == 4096
    assert state.record_episode("a", pb.EpisodeSummary(episode_id=0))


def test_an_open_address_without_protection_is_refused():
    with pytest.raises(ConfigError, match="insecure"):
        RunningLearner(address="0.0.0.0:0")


def test_a_missing_token_is_refused(tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    learner = RunningLearner(security=ServerSecurity(token_file=token))
    with open_channel(learner.address) as channel:
        error = refusal(lambda: [learner_service_pb2_grpc.LearnerServiceStub(channel).Join(join_request())])
    assert isinstance(error, errors.BadTokenError)
    with open_channel(learner.address, token="secret") as channel:
        assert learner_service_pb2_grpc.LearnerServiceStub(channel).Join(join_request()).run_id == "run"
    learner.close()


def test_the_link_streams_what_the_spool_holds_and_trims_it(learner, tmp_path):
    client = make_client(learner)
    client.join(WAIT_S)
    spool = Spool(tmp_path, row_type(SPEC), "run/a", 10_000_000)
    client.start(spool)
    for number in range(1, 301):
        spool.append(one_row(number))
    assert client.drain(WAIT_S)
    client.close()
    assert learner.replay.row_count == 300


def test_the_link_gets_the_policy(learner, tmp_path):
    client = make_client(learner)
    client.join(WAIT_S)
    client.start(Spool(tmp_path, row_type(SPEC), "run/a", 10_000_000))
    learner.publisher.publish(PolicySnapshot(3, np.arange(4, dtype=np.float32).tobytes(), 0))
    assert client.receiver.wait(WAIT_S)
    received = client.receiver.take()
    client.close()
    assert received.version == 3
    np.testing.assert_array_equal(received.arrays["weight"], [[0, 1], [2, 3]])


@pytest.mark.trap
def test_the_link_finds_a_restarted_learner_within_two_seconds(tmp_path):
    learner = RunningLearner(directory=tmp_path / "replay")
    client = make_client(learner)
    client.join(WAIT_S)
    spool = Spool(tmp_path / "spool", row_type(SPEC), "run/a", 10_000_000)
    client.start(spool)
    spool.append(one_row(1))
    assert client.drain(WAIT_S)
    address = learner.address
    learner.close()
    spool.append(one_row(2))
    learner = RunningLearner(address=address, directory=tmp_path / "replay")
    assert client.drain(2.0)
    assert learner.replay.row_count == 2
    client.close()
    learner.close()


def test_grants_follow_the_gate(learner, tmp_path):
    rate_limiter = UpdateRateLimiter(ratio=1, warm_up_steps=0, lead_steps=3, tolerance_steps=0, max_env_steps=100)
    limited = RunningLearner(rate_limiter=rate_limiter)
    client = make_client(limited)
    client.join(WAIT_S)
    spool = Spool(tmp_path, row_type(SPEC), "run/a", 10_000_000)
    client.start(spool)
    for number in (1, 2, 3):
        assert client.wait_for_grant(number, WAIT_S)
        spool.append(one_row(number))
    assert client.drain(WAIT_S)
    assert not client.wait_for_grant(4, 0.2)
    limited.state.set_updates(2)
    assert client.wait_for_grant(5, WAIT_S)
    assert not client.wait_for_grant(6, 0.2)
    client.close()
    limited.close()


def test_rows_that_are_not_counted_yet_are_not_granted_again():
    """The replay has them a moment before the state has heard of them; who asks in between is told of the replay's."""
    rate_limiter = UpdateRateLimiter(ratio=1, warm_up_steps=0, lead_steps=3, tolerance_steps=0, max_env_steps=100)
    limited = RunningLearner(rate_limiter=rate_limiter)
    request = batch(1, 3)
    rows = rows_from_proto(request.batch, SPEC, actor_id="a", first_sequence_number=1)
    limited.replay.append(rows)
    assert limited.state.env_steps == 0
    answer = limited.ingest.answer("a")
    limited.close()
    assert (answer.acknowledged, answer.granted, answer.env_steps) == (3, 3, 3)


def test_a_fatal_refusal_reaches_the_loop(learner, tmp_path):
    client = make_client(learner, settings=(("environment.id", "other"),))
    with pytest.raises(errors.ConfigMismatchError):
        client.join(WAIT_S)
    client.close()


def test_an_unreachable_learner_is_named():
    client = LearnerClient("127.0.0.1:1", "a", SPEC, SETTINGS, "1.0.0")
    with pytest.raises(errors.LearnerUnreachableError, match=r"127\.0\.0\.1:1"):
        client.join(0.1)
    client.close()


def one_row(number):
    return make_row(
        row_type(SPEC),
        {"state": np.full(3, number, np.float32)},
        episode_id=1,
        step_index=number - 1,
        row_kind=pb.ROW_KIND_STEP,
        action=np.zeros(2, np.float32),
    )


def test_every_reason_of_the_schema_has_an_exception():
    from serl.learner.v1 import error_reason_pb2

    names = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name}
    assert names - {"UNSPECIFIED"} == set(transport.LEARNER_ERRORS.rows)


WAITERS = {
    "Join": lambda stub: stub.Join.future(join_request()),
    "StreamSteps": lambda stub: stub.StreamSteps(endless(pb.StreamStepsRequest(actor_id="a"))),
    "StreamSteps without a request": lambda stub: stub.StreamSteps(endless()),
    "WatchPolicy": lambda stub: stub.WatchPolicy(pb.WatchPolicyRequest(actor_id="a")),
}


def endless(*requests):
    """Requests of a peer that stays."""
    yield from requests
    threading.Event().wait(2 * WAIT_S)


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_learner_that_ends_waits_for_nobody(waiter):
    learner = RunningLearner(is_ready=waiter != "Join")
    with open_channel(learner.address) as channel:
        stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
        if waiter != "Join":
            stub.Join(join_request())
        call = WAITERS[waiter](stub)
        time.sleep(0.2)  # Until the call waits; one that does not yet ends all the sooner.
        assert not call.done()
        started = time.monotonic()
        learner.close()
        learner.server.join()
        assert time.monotonic() - started < WAIT_S


def spec_message(**changes):
    """The spec with one field of its first array or of itself changed, as only a hostile peer sends it."""
    message = SPEC.to_proto()
    array = message.observation[0]
    for name, value in changes.items():
        if name == "arrays":
            message.observation.extend(value * [array])
            for number, item in enumerate(message.observation):
                item.name = f"state{number}"
        elif name == "environment":
            message.environment = value
        elif isinstance(value, str):
            setattr(array, name, value)
        else:
            del getattr(array, name)[:]
            getattr(array, name).extend(value)
    return message


HOSTILE_NAMES = [
    "",
    "../../x",
    "a/b",
    "a\\b",
    "..",
    ".hidden",
    "a\0b",
    "line\nbreak",
    "\x1b[2J",
    129 * "x",
    43 * "\N{SNOWMAN}",
]
HOSTILE_SPECS = [
    *({"name": name} for name in HOSTILE_NAMES),
    {"shape": [2**62]},
    {"shape": [0, 2**62]},
    {"shape": [-1]},
    {"shape": 9 * [1]},
    {"shape": [65_537]},
    {"shape": [2**20, 2**20]},
    {"component_names": ["a", "b", "line\nbreak"]},
    {"component_names": ["a", "b", 129 * "x"]},
    {"arrays": 64},
    {"environment": 129 * "x"},
    {"environment": "line\nbreak"},
]


@pytest.mark.parametrize("changes", HOSTILE_SPECS, ids=lambda changes: repr(changes)[:40])
def test_a_first_spec_that_cannot_be_used_is_refused_and_forgotten(changes):
    learner = RunningLearner(is_ready=False)
    with contextlib.closing(learner), open_channel(learner.address) as channel:
        stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
        request = join_request()
        request.spec.CopyFrom(spec_message(**changes))
        error = refusal(lambda: [stub.Join(request, timeout=WAIT_S)])
        assert isinstance(error, errors.InvalidBatchError)
        assert error.metadata == {"field": "spec"}
        assert learner.ingest.spec is None


def test_a_learner_that_ends_wakes_everybody_who_waits():
    pending, ready = RunningLearner(is_ready=False), RunningLearner()
    with contextlib.ExitStack() as stack:
        stubs = []
        for learner in (pending, ready):
            stack.callback(learner.close)
            channel = stack.enter_context(open_channel(learner.address))
            stubs.append(learner_service_pb2_grpc.LearnerServiceStub(channel))
        join = stubs[0].Join.future(join_request(), timeout=WAIT_S)
        wait_until(lambda: pending.ingest.spec is not None)
        stubs[1].Join(join_request(), timeout=WAIT_S)
        policies = stubs[1].WatchPolicy(learner_service_pb2.WatchPolicyRequest(actor_id="a"), timeout=WAIT_S)
        steps = stubs[1].StreamSteps(_one_batch_and_silence(stack), timeout=WAIT_S)
        next(steps)
        for learner in (pending, ready):
            learner.state.close()
            learner.publisher.close()
        assert isinstance(refusal(lambda: [join.result()]), errors.NotJoinedError)
        assert list(policies) == []
        for _ in steps:
            pass


def _one_batch_and_silence(stack):
    ended = threading.Event()
    stack.callback(ended.set)

    def requests():
        yield batch(1, 1)
        ended.wait()

    return requests()


def test_an_actor_with_other_settings_does_not_decide_the_spec():
    learner = RunningLearner(is_ready=False)
    with contextlib.closing(learner), open_channel(learner.address) as channel:
        stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
        request = join_request(settings=(("environment.id", "other"),))
        assert isinstance(refusal(lambda: [stub.Join(request, timeout=WAIT_S)]), errors.ConfigMismatchError)
        assert learner.ingest.spec is None


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_an_actor_id_that_cannot_name_a_file_is_refused_on_both_sides(learner, stub, name):
    error = refusal(lambda: [stub.Join(join_request(actor_id=name), timeout=WAIT_S)])
    assert isinstance(error, errors.InvalidBatchError)
    assert error.metadata == {"field": "actor_id"}
    with pytest.raises(errors.UsageError, match="actor id"):
        make_client(learner, name)


def test_a_name_that_another_actor_uses_ends_the_second_one(learner, tmp_path):
    with contextlib.ExitStack() as stack:
        clients = []
        for folder in ("one", "two"):
            clients.append(stack.enter_context(contextlib.closing(make_client(learner))))
            clients[-1].join(WAIT_S)
            spool = stack.enter_context(
                contextlib.closing(Spool(tmp_path / folder, row_type(SPEC), "run/a", 1_000_000))
            )
            clients[-1].start(spool)
            wait_until(lambda: clients[0].status.is_connected)

        def is_refused():
            try:
                return clients[1].check()
            except errors.ActorNameTakenError as error:
                return "--actor-id" in str(error)

        wait_until(is_refused)
        clients[0].check()
