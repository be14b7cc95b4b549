"""The contract of a daemon's server: clocks, streams, health, reflection, errors."""

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from serl.robot.v1 import robot_service_pb2_grpc

import serl_client
from serl_api.values import ArmMode
from serl_client import RobotClient
from tests.conformance.asking import raw_step


class TestServer:
    def test_clock_offsets_are_measured(self, client):
        assert client.sync_time(8).round_trip_ns > 0

    def test_too_many_streams_are_refused_and_unary_calls_still_answered(self, client):
        streams = []
        try:
            for _ in range(8):  # The default of `max_streams`.
                streams.append(client.stream_states(50.0))
                next(streams[-1])
            with pytest.raises(serl_client.TooManyStreamsError):
                next(client.stream_states(50.0))
            assert client.get_state().mode is ArmMode.IDLE
        finally:
            for stream in streams:
                stream.close()

    def test_states_stream_in_order(self, client):
        stream = client.stream_states(200.0)
        times = [next(stream).monotonic_time_ns for _ in range(5)]
        stream.close()
        assert times == sorted(times)

    def test_a_wrong_rate_is_refused(self, client):
        with pytest.raises(serl_client.LimitExceededError, match="rate_hz"):
            next(client.stream_states(5000.0))

    def test_health_answers(self, target):
        stub = health_pb2_grpc.HealthStub(target.channel)
        for service in ("", "serl.robot.v1.RobotService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=20.0)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def test_reflection_lists_the_services(self, target):
        stub = reflection_pb2_grpc.ServerReflectionStub(target.channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([asked]), timeout=20.0))
        names = {service.name for service in answer.list_services_response.service}
        assert {"serl.robot.v1.RobotService", "serl.robot.v1.CameraService", "grpc.health.v1.Health"} <= names

    def test_a_refusal_carries_exactly_one_error_info(self, target, client):
        stub = robot_service_pb2_grpc.RobotServiceStub(target.channel)
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Control(iter([raw_step(1)]), timeout=20.0))
        (detail,) = rpc_status.from_call(caught.value).details
        info = error_details_pb2.ErrorInfo()
        assert detail.Unpack(info)
        assert (info.domain, info.reason) == ("robot.serl", "WRONG_MODE")


def test_two_clients_see_the_same_boot(target, client):
    with RobotClient(target.address) as other:
        assert other.info.boot_id == client.info.boot_id
