"""Bytes that are no message: refused in the API's own words by every method of every server, and forgotten."""

import contextlib
import logging

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from serl.robot.v1 import control_pb2, robot_service_pb2

from serl_api.security import open_channel
from tests.support.daemons import serve
from tests.support.floods import HEALTH
from tests.support.memory import resident_bytes
from tests.support.servers import SERVERS, methods_of_services
from tests.support.waiting import wait_until

NO_MESSAGE = b"\xff\xff\xff"
REFLECTION = ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"]
REASONS = {"robot.serl": "INVALID_REQUEST", "learner.serl": "INVALID_BATCH"}


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    """The address of a running server, and the paths of its methods."""
    build, services = SERVERS[request.param]
    running = build("127.0.0.1:0")
    yield running.start(), [*methods_of_services(services), *HEALTH, *REFLECTION]
    running.stop(0.1)


def refusal_of(channel, method, *requests):
    with pytest.raises(grpc.RpcError) as caught:
        for _ in channel.stream_stream(method)(iter(requests), timeout=10):
            pass
    return caught.value


def test_every_method_says_what_it_could_not_parse(server, caplog):
    address, methods = server
    with open_channel(address) as channel:
        for method in methods:
            error = refusal_of(channel, method, NO_MESSAGE)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, method
            assert "3 bytes do not parse as " in error.details()
            info = error_details_pb2.ErrorInfo()
            assert rpc_status.from_call(error).details[0].Unpack(info)
            assert info.reason == REASONS[info.domain]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("program", ["daemon", "learner"])
def test_reflection_refuses_a_later_message_too(program, caplog):
    build, _ = SERVERS[program]
    server = build("127.0.0.1:0")
    with open_channel(server.start()) as channel:
        error = refusal_of(channel, REFLECTION[0], b"", NO_MESSAGE)
    server.stop(0.1)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert not caplog.records


ARM = robot_service_pb2.EStopRequest(arm=robot_service_pb2.ArmEStop(client_name="button"))
OPEN = robot_service_pb2.ControlRequest(sequence_number=1, open=control_pb2.Open(client_name="test"))


@pytest.mark.parametrize(
    ("method", "first"), [("Control", OPEN), ("EStop", ARM)], ids=["control session", "e-stop endpoint"]
)
def test_a_later_message_that_does_not_parse_ends_the_call_safely(method, first, caplog):
    daemon = serve()
    with contextlib.closing(daemon), open_channel(daemon.address) as channel:
        error = refusal_of(channel, f"/serl.robot.v1.RobotService/{method}", first.SerializeToString(), NO_MESSAGE)
        assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
        wait_until(lambda: daemon.core.session is None)
        assert (daemon.core.stopped is not None) is (method == "EStop")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_nothing_is_kept_of_what_does_not_parse(server):
    address, (method, *_) = server
    with open_channel(address) as channel:
        call = channel.unary_unary(method)
        for count in (200, 1500):  # The first ones fill what is kept once.
            before = resident_bytes()
            for _ in range(count):
                with pytest.raises(grpc.RpcError):
                    call(NO_MESSAGE, timeout=10)
    assert resident_bytes() - before < 10_000_000  # gRPC's own path keeps 20 kB of each: 30 MB.
