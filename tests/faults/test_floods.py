"""Calls that never bring their request take no workers: `Stop`, health and everything else are answered meanwhile."""

import contextlib
import subprocess
import sys
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from serl.robot.v1 import camera_service_pb2, camera_service_pb2_grpc, robot_service_pb2, robot_service_pb2_grpc

from serl_api.security import open_channel
from serl_client import RobotClient
from tests.support.daemons import serve
from tests.support.floods import FLOOD, HEALTH, LEARNER, ROBOT, half_open_calls, idle_connections
from tests.support.learners import RunningLearner, make_client
from tests.support.waiting import wait_until

ANSWERED_S = 2.0
"""Far above what an answer takes, and below what a half-open call may: who waits for one of those is late."""


def is_serving(address):
    with open_channel(address) as channel:
        request = health_pb2.HealthCheckRequest()
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=ANSWERED_S)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.real_time
@pytest.mark.parametrize("method", ROBOT + HEALTH)
def test_a_daemon_stops_the_arm_and_hands_it_over_while_flooded(method):
    daemon = serve()
    with contextlib.closing(daemon), half_open_calls(daemon.address, method):
        with RobotClient(daemon.address, timeout_s=ANSWERED_S) as robot:
            with robot.control("test") as session:
                session.step(period_s=0.02)
            assert robot.stop().stop_latched
        assert is_serving(daemon.address)


@pytest.mark.real_time
@pytest.mark.parametrize("method", LEARNER + HEALTH)
def test_a_learner_lets_actors_join_while_flooded(method):
    learner = RunningLearner()
    with contextlib.closing(learner), half_open_calls(learner.address, method):
        with contextlib.closing(make_client(learner)) as client:
            assert client.join(ANSWERED_S).run_id == "run"
        assert is_serving(learner.address)


@pytest.mark.parametrize("method", [*HEALTH, "/serl.robot.v1.RobotService/Control"])
def test_a_call_without_a_request_is_ended(method):
    daemon = serve()
    with contextlib.closing(daemon), half_open_calls(daemon.address, method, 1) as (call,):
        wait_until(call.done)
        assert call.code() is not grpc.StatusCode.OK


@pytest.mark.real_time
def test_stop_and_health_are_answered_while_every_other_worker_is_busy():
    daemon = serve()
    release, asked = threading.Event(), []

    def frame(camera):
        asked.append(camera)
        release.wait()

    def is_saturated():
        before = len(asked)
        time.sleep(0.2)
        return 0 < before == len(asked) < FLOOD

    daemon.core.frame = frame
    with contextlib.closing(daemon), open_channel(daemon.address) as channel, contextlib.ExitStack() as stack:
        stack.callback(release.set)
        get_frame = camera_service_pb2_grpc.CameraServiceStub(channel).GetFrame
        frames = [get_frame.future(camera_service_pb2.GetFrameRequest(camera="wrist")) for _ in range(FLOOD)]
        wait_until(is_saturated)
        stub = robot_service_pb2_grpc.RobotServiceStub(channel)
        assert stub.Stop(robot_service_pb2.StopRequest(), timeout=ANSWERED_S).state.stop_latched
        assert is_serving(daemon.address)
        assert not any(frame.done() for frame in frames)


FEW_DESCRIPTORS = """
import resource
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
from tests.faults.test_floods import test_stop_is_answered_while_connections_idle
test_stop_is_answered_while_connections_idle()
"""


def test_idle_connections_do_not_use_up_the_descriptors():
    subprocess.run([sys.executable, "-c", FEW_DESCRIPTORS], check=True, timeout=120)


def test_stop_is_answered_while_connections_idle():
    daemon = serve()
    with contextlib.closing(daemon), idle_connections(daemon.address, 1000), RobotClient(daemon.address) as robot:
        assert robot.stop().stop_latched
