"""What daemon, simulator and learner do alike: health, reflection, addresses in use, drain."""

import socket
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serl_api.security import open_channel
from serl_api.server import MAX_HEALTH_WATCHES, ServeError
from tests.support.servers import SERVERS

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ROBOT = ["serl.robot.v1.CameraService", "serl.robot.v1.RobotService"]


@pytest.fixture(params=SERVERS)
def kind(request):
    """Builds a server of one kind, and the services it serves."""
    return SERVERS[request.param]


@pytest.fixture(params=[None, "open sesame"], ids=["open", "with-token"])
def running(request, kind, tmp_path):
    """A running server, its address, its services and its token."""
    build, services = kind
    security = {}
    if request.param is not None:
        security["token_file"] = tmp_path / "token"
        security["token_file"].write_text(request.param)
    server = build("127.0.0.1:0", **security)
    address = server.start()
    yield server, address, services, request.param
    server.stop(0.1)


def test_health_is_answered_for_each_service_without_a_token(running):
    _, address, services, _ = running
    with open_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", *services):
            assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status == SERVING
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="serl.none"), timeout=5)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_health_says_that_a_server_drains(running):
    server, address, services, _ = running
    with open_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest(service=name), timeout=20) for name in ("", *services)]
        assert [next(watch).status for watch in watches] == [SERVING] * len(watches)
        stopping = threading.Thread(target=server.stop, args=(2.0,))
        stopping.start()
        assert [next(watch).status for watch in watches] == [NOT_SERVING] * len(watches)
        for watch in watches:
            watch.cancel()
        stopping.join(20)
        assert not stopping.is_alive()


def test_streams_of_health_are_bounded_and_leave_checks_their_workers(kind):
    build, _ = kind
    server = build("127.0.0.1:0")
    address = server.start()
    try:
        with open_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watches = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=20) for _ in range(MAX_HEALTH_WATCHES)]
            assert [next(watch).status for watch in watches] == [SERVING] * MAX_HEALTH_WATCHES
            with pytest.raises(grpc.RpcError, match="16 streams watch the health already") as refused:
                next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=20))
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status == SERVING
    finally:
        server.stop()


def test_reflection_lists_the_services_to_those_with_the_token(running):
    _, address, services, token = running
    asked = reflection_pb2.ServerReflectionRequest(list_services="")

    def listed(channel):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answer = next(stub.ServerReflectionInfo(iter([asked]), timeout=5))
        return sorted(service.name for service in answer.list_services_response.service)

    with open_channel(address, token=token) as channel:
        own = ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"]
        assert listed(channel) == sorted([*own, *services])
    if token is not None:
        with open_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
            listed(channel)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_port_in_use_is_an_error(kind):
    build, _ = kind
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ServeError, match=f"cannot listen on {address}; is another server running there"):
            build(address).start()


def test_a_socket_in_use_is_an_error_and_one_that_was_left_is_not(kind, tmp_path):
    build, _ = kind
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ServeError, match="cannot listen on unix:"):
            build(f"unix:{path}").start()
    server = build(f"unix:{path}")
    assert server.start() == f"unix:{path}"
    server.stop(0.1)
