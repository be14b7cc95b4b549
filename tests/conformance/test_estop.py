"""The contract of `EStop`: what arms an endpoint, and everything after which the arm stands still."""

import threading

import grpc
import pytest
from google.protobuf import duration_pb2
from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

import serl_client
from serl_api.enums import ArmMode
from serl_api.errors.robot import robot_error
from tests.conformance.asking import PERIOD_S, home
from tests.support.waiting import wait_until

ARM = robot_service_pb2.EStopRequest(arm=robot_service_pb2.ArmEStop(client_name="key"))


def refusal(target, *requests):
    stub = robot_service_pb2_grpc.RobotServiceStub(target.channel)
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.EStop(iter(requests), timeout=10.0))
    return robot_error(caught.value, target.address)


def is_stopped(client):
    return client.get_state().stop_latched


class TestEStop:
    def test_an_armed_endpoint_is_named_and_answers_for_as_long_as_it_lives(self, client):
        with client.arm_estop("key"):
            assert client.get_state().armed_estops == ("key",)
            with client.control("ada") as session:
                for _ in range(30):
                    session.step(home(client), period_s=PERIOD_S)
        wait_until(lambda: client.get_state().armed_estops == ())
        assert not is_stopped(client)

    def test_it_sees_who_controls_the_arm(self, client):
        with client.arm_estop("key") as estop, client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)
            wait_until(lambda: estop.status.control_holder == "ada")
            assert estop.status.mode is ArmMode.CONTROLLED

    def test_a_press_stops_the_arm_latches_and_leaves_it_armed(self, client):
        with client.arm_estop("key") as estop:
            with client.control("ada") as session:
                session.step(home(client), period_s=PERIOD_S)
                estop.press("drill")
                wait_until(lambda: is_stopped(client))
                with pytest.raises(serl_client.StopLatchedError, match='"key" stopped the arm: drill'):
                    session.step(home(client), period_s=PERIOD_S)
            wait_until(lambda: estop.status.stop_latched)
            client.clear_stop()
            client.control("ada").close()
            estop.require_armed()

    def test_an_endpoint_that_goes_away_stops_the_arm(self, target, client):
        stub = robot_service_pb2_grpc.RobotServiceStub(target.channel)
        over = threading.Event()

        def requests():
            yield ARM
            over.wait(20.0)

        call = stub.EStop(requests())
        assert next(call).challenge == 1
        call.cancel()
        over.set()
        wait_until(lambda: is_stopped(client))
        assert client.get_state().armed_estops == ()

    def test_an_endpoint_that_closes_its_side_without_a_release_stops_the_arm(self, target, client):
        error = refusal(target, ARM)
        assert type(error) is serl_client.StopLatchedError
        assert "went away" in str(error)
        assert is_stopped(client)

    @pytest.mark.parametrize("answer", [None, 7], ids=["none", "wrong"])
    def test_an_endpoint_that_gives_no_right_answer_stops_the_arm(self, target, client, answer):
        stub = robot_service_pb2_grpc.RobotServiceStub(target.channel)
        over = threading.Event()

        def requests():
            timeout = duration_pb2.Duration(nanos=200_000_000)
            yield robot_service_pb2.EStopRequest(arm=robot_service_pb2.ArmEStop(client_name="key", timeout=timeout))
            if answer is not None:
                yield robot_service_pb2.EStopRequest(challenge=answer)
            over.wait(20.0)

        with pytest.raises(grpc.RpcError) as caught:
            list(stub.EStop(requests()))
        over.set()
        assert "no answer for 0.2 s" in str(robot_error(caught.value, target.address))
        assert is_stopped(client)

    def test_a_second_endpoint_stops_the_arm_though_the_first_is_well(self, client):
        with client.arm_estop("key"), client.arm_estop("tablet") as tablet:
            assert client.get_state().armed_estops == ("key", "tablet")
            tablet.press()
            wait_until(lambda: is_stopped(client))

    @pytest.mark.parametrize(
        ("requests", "error", "said"),
        [
            ((robot_service_pb2.EStopRequest(challenge=1),), serl_client.InvalidRequestError, "must be arm"),
            (
                (robot_service_pb2.EStopRequest(arm=robot_service_pb2.ArmEStop()),),
                serl_client.InvalidRequestError,
                "arm.client_name has 0 characters",
            ),
            (
                (
                    robot_service_pb2.EStopRequest(
                        arm=robot_service_pb2.ArmEStop(client_name="key", timeout=duration_pb2.Duration(seconds=9))
                    ),
                ),
                serl_client.LimitExceededError,
                "arm.timeout is 9 s, outside 0.1 to 0.5 s",
            ),
        ],
        ids=["not-arm", "no-name", "long-timeout"],
    )
    def test_one_that_cannot_be_armed_is_refused_and_stops_nothing(self, target, client, requests, error, said):
        found = refusal(target, *requests)
        assert type(found) is error
        assert said in str(found)
        assert not is_stopped(client)
        assert client.get_state().armed_estops == ()
