"""What changes what others see or do leaves a line: who, from where, with which role, to what end."""

import contextlib
import logging

import grpc
import pytest
from serl.learner.v1 import learner_service_pb2_grpc

from serl_api.audit import ANYONE, AUDITED_CALLS, AUDITED_REQUESTS, FIELDS, LOGGER
from serl_api.errors.robot import LimitExceededError, PermissionDeniedError
from serl_api.roles import REQUIRED_ROLES, Role
from serl_api.security import open_channel
from serl_client import RobotClient, SimulatorClient
from tests.support.learners import RunningLearner, join_request
from tests.support.servers import SERVERS

TOKENS = {role: f"token-of-{role.value}" for role in Role}


@pytest.fixture
def audited(caplog):
    """What was written so far, as dictionaries."""
    caplog.set_level(logging.INFO, LOGGER)
    return lambda: [getattr(record, FIELDS) for record in caplog.records if record.name == LOGGER]


@contextlib.contextmanager
def serving(name, tmp_path):
    path = tmp_path / "tokens.toml"
    path.write_text("".join(f'{role.value} = "{token}"\n' for role, token in TOKENS.items()))
    path.chmod(0o600)
    server = SERVERS[name][0]("127.0.0.1:0", token_file=path)
    try:
        yield server.start()
    finally:
        server.stop(0.1)


def test_a_session_its_settings_and_its_end_by_a_stop_are_written(tmp_path, audited):
    with serving("daemon", tmp_path) as address:
        with (
            RobotClient(address, token=TOKENS[Role.CONTROL]) as robot,
            robot.control("ada", take_over=True) as session,
        ):
            session.set_load(0.5, (0.0, 0.0, 0.0))
            with pytest.raises(LimitExceededError):
                session.set_load(1e9, (0.0, 0.0, 0.0))
        with RobotClient(address, token=TOKENS[Role.OBSERVE]) as robot:
            robot.stop("smoke" * 100)
            with pytest.raises(PermissionDeniedError):
                robot.clear_stop()
        with RobotClient(address, token=TOKENS[Role.CONTROL]) as robot:
            robot.clear_stop()
            robot.recover()
    lines = audited()
    assert [(line["call"], line["outcome"], line["role"]) for line in lines] == [
        ("Control.open", "OK", "control"),
        ("Control.set_load", "OK", "control"),
        ("Control.set_load", "OUT_OF_RANGE", "control"),
        ("Stop", "OK", "observe"),
        ("ClearStop", "OK", "control"),
        ("RecoverFromFault", "OK", "control"),
    ]
    opened, loaded, refused, stopped, *_ = lines
    assert (opened["take_over"], loaded["mass_kg"], refused["mass_kg"]) == ("True", "0.5", "1000000000.0")
    assert opened["client_name"].startswith("ada")
    assert all(line["peer"].startswith("ipv4:127.0.0.1:") for line in lines)
    assert stopped["text"] == "smoke" * 20


def test_what_is_done_to_a_simulator_is_written(tmp_path, audited):
    with (
        serving("simulator", tmp_path) as address,
        SimulatorClient(address, token=TOKENS[Role.ADMINISTER]) as simulator,
    ):
        simulator.set_seed(7)
        simulator.stall(duration_s=0.01)
    seeded, injected = audited()
    assert (seeded["call"], seeded["outcome"], seeded["role"], seeded["seed"]) == ("SetSeed", "OK", "administer", "7")
    assert injected["fault"].startswith("stall")


def test_who_joins_a_learner_or_is_refused_is_written(audited):
    learner = RunningLearner()
    with contextlib.closing(learner), open_channel(learner.address) as channel:
        stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
        stub.Join(join_request("a"))
        with pytest.raises(grpc.RpcError):
            stub.Join(join_request("b\nforged", version="9.0.0"))
    joined, refused = audited()
    assert (joined["call"], joined["outcome"], joined["role"], joined["actor_id"]) == ("Join", "OK", ANYONE, "a")
    assert refused["outcome"] not in ("OK", "CANCELLED")


def test_every_method_that_changes_something_is_written():
    changes = {method for method, role in REQUIRED_ROLES.items() if role is not Role.OBSERVE} | {
        "/serl.robot.v1.RobotService/Stop"
    }
    frequent = {"StreamSteps", "WatchPolicy", "ReportEpisode", "GetGroundTruth"}
    written = AUDITED_CALLS.keys() | AUDITED_REQUESTS.keys()
    assert written == {method for method in changes if method.rpartition("/")[2] not in frequent}
