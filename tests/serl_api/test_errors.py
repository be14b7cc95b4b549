import contextlib
import copy
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from serl.robot.v1 import error_reason_pb2

from serl_api.errors import robot as errors


class FailedCall(grpc.RpcError):
    """What gRPC raises, without a network."""

    def __init__(self, code, details, reason=None, metadata=None, domain=errors.ROBOT_ERRORS.domain):
        self._code, self._details = code, details
        status = status_pb2.Status(code=code.value[0], message=details)
        if reason is not None:
            packed = any_pb2.Any()
            packed.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata or {}))
            status.details.append(packed)
        self._trailing = (("grpc-status-details-bin", status.SerializeToString()),) if reason else ()

    def code(self):
        return self._code

    def details(self):
        return self._details

    def trailing_metadata(self):
        return self._trailing


def reasons():
    prefix = "ERROR_REASON_"
    names = [name.removeprefix(prefix) for name, _ in error_reason_pb2.ErrorReason.items()]
    return [name for name in names if name != "UNSPECIFIED"]


def test_every_reason_of_the_schema_has_an_exception():
    assert set(errors.ROBOT_ERRORS.rows) == set(reasons())


@pytest.mark.parametrize("reason", reasons())
def test_a_reason_becomes_its_exception_with_the_daemons_sentence(reason):
    error = errors.robot_error(FailedCall(grpc.StatusCode.ABORTED, "one sentence", reason), "here:1")
    assert type(error) is errors.ROBOT_ERRORS.rows[reason][1]
    assert str(error) == "one sentence"


class Refused(grpc.RpcError):
    """A call that ended with a status, as a client sees it."""

    def __init__(self, status):
        self.code = lambda: status.code
        self.details = lambda: status.details
        self.trailing_metadata = lambda: status.trailing_metadata


@pytest.mark.parametrize("table", [errors.ROBOT_ERRORS, errors.CONTROL_STREAM_ERRORS])
@pytest.mark.parametrize("reason", reasons())
def test_what_a_daemon_raises_is_what_a_client_gets(table, reason):
    code, kind = table.rows[reason]
    status = table.to_status(kind("one sentence", {"field": "x", "faults": "a,b"}))
    received = errors.robot_error(Refused(status), "here:1")
    assert status.code is code
    assert (type(received), str(received)) == (kind, "one sentence")
    assert received.metadata == {"field": "x", "faults": "a,b"}


def test_only_exceptions_with_a_reason_go_over_the_wire():
    assert errors.ROBOT_ERRORS.covers(errors.FaultError("x"))
    assert not errors.ROBOT_ERRORS.covers(errors.DeadlineError("x"))
    assert not errors.ROBOT_ERRORS.covers(ValueError("x"))


def test_errors_survive_a_copy():
    error = copy.deepcopy(errors.LimitExceededError.outside("width", 2.0, lower=0.0, upper=1.0, unit="m"))
    assert str(error) == "width is 2 m, outside 0 to 1 m"
    assert error.metadata == {"field": "width", "value": "2.0", "lower": "0.0", "upper": "1.0"}


def test_metadata_is_typed():
    def made(reason, **metadata):
        return errors.robot_error(FailedCall(grpc.StatusCode.ABORTED, "x", reason, metadata), "here:1")

    held = made("CONTROL_HELD", holder="ada", peer="10.0.0.1:5")
    assert (held.holder, held.peer) == ("ada", "10.0.0.1:5")
    taken = made("CONTROL_TAKEN", holder="ada", session_number="7")
    assert (taken.holder, taken.session_number) == ("ada", 7)
    fault = made("ARM_FAULTED", faults="a,b", black_box="/x")
    assert (fault.fault_ids, fault.black_box) == (("a", "b"), "/x")
    assert made("STOP_LATCHED", stopped_by="bob").stopped_by == "bob"
    assert made("UNKNOWN_NAME", available="front, wrist").available == ("front", "wrist")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.ConnectionLostError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineError),
        (grpc.StatusCode.UNIMPLEMENTED, errors.NotEquippedError),
        (grpc.StatusCode.UNAUTHENTICATED, errors.AuthenticationError),
        (grpc.StatusCode.UNKNOWN, errors.DaemonError),
    ],
)
def test_an_error_of_the_transport_names_the_address(code, kind):
    error = errors.robot_error(FailedCall(code, "socket closed"), "lab:50051")
    assert type(error) is kind
    assert "lab:50051" in str(error)


def test_an_unknown_reason_is_treated_by_its_status():
    error = errors.robot_error(FailedCall(grpc.StatusCode.NOT_FOUND, "new", "LATER_REASON"), "here:1")
    assert type(error) is errors.NotFoundError


def test_the_reason_of_another_domain_is_not_ours():
    call = FailedCall(grpc.StatusCode.UNAVAILABLE, "x", "ARM_FAULTED", domain="learner.serl")
    assert type(errors.robot_error(call, "here:1")) is errors.ConnectionLostError


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InvalidTargetError, ValueError),
        (errors.LimitExceededError, ValueError),
        (errors.NotFoundError, LookupError),
        (errors.ConnectionLostError, ConnectionError),
        (errors.DeadlineError, TimeoutError),
    ],
)
def test_exceptions_are_also_the_builtin_that_fits(kind, builtin):
    assert issubclass(kind, errors.RobotError)
    assert issubclass(kind, builtin)


def test_the_tree_in_the_docstring_names_every_exception():
    names = [
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert all(name in (errors.__doc__ or "") for name in names)


@contextlib.contextmanager
def refusing(error):
    """A call before a server that refuses everything with this error."""
    handler = grpc.unary_unary_rpc_method_handler(lambda _, context: errors.ROBOT_ERRORS.abort(context, error))
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Call": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary("/test/Call")
    server.stop(0).wait()


@pytest.mark.parametrize("length", [10_000, 1_000_000])
@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
def test_a_refusal_that_echoes_a_peer_at_length_arrives_all_the_same(length, letter):
    error = errors.ControlHeldError.by(length * letter, length * letter)
    with refusing(error) as call, pytest.raises(grpc.RpcError) as caught:
        call(b"", timeout=20.0)
    heard = errors.robot_error(caught.value, "here:1")
    assert type(heard) is errors.ControlHeldError
    assert str(heard)[:100] == str(error)[:100]
    assert heard.holder[:100] == 100 * letter
