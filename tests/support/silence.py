"""How long each side takes to notice that its peer has fallen silent without closing the connection."""

import contextlib
import random
import signal
import subprocess
import sys
import time

import grpc
import numpy as np
from grpc_health.v1 import health_pb2
from serl.learner.v1 import learner_service_pb2
from serl.robot.v1 import robot_service_pb2

from serl_api.enums import Pacing
from serl_api.errors.robot import RobotError
from serl_api.security import open_channel
from serl_api.server import MAX_HEALTH_WATCHES
from serl_client import RobotClient
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool
from serl_rl.learner.publish import PolicySnapshot
from tests.support.daemons import serve
from tests.support.learners import SPEC, RunningLearner, make_client
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until

SLOW_MOVE = ("--xyz", "0.6", "0.3", "0.5", "--speed", "0.1")
"""A motion that takes longer than any of this."""
AT_REST_RAD_PER_S = 1e-3


def arm_in_a_silent_network():
    """Seconds until an arm in a `Move` rests after the network has fallen silent."""
    return _arm_rests(lambda _client, proxy: proxy.fall_silent())


def arm_of_a_stopped_client():
    """Seconds until an arm in a `Move` rests after the process that asked for it has been stopped."""
    return _arm_rests(lambda client, _proxy: client.send_signal(signal.SIGSTOP))


def _arm_rests(silence):
    with contextlib.ExitStack() as stack:
        daemon = serve(pacing=Pacing.REAL_TIME)
        stack.callback(daemon.stop)
        proxy = stack.enter_context(SilentProxy(daemon.address))
        command = [sys.executable, "-m", "serl_client", "move", "--address", proxy.address, *SLOW_MOVE]
        client = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        stack.callback(client.kill)
        robot = stack.enter_context(RobotClient(daemon.address))
        wait_until(lambda: _speed(robot) > AT_REST_RAD_PER_S)
        let_pings_drift()
        started = time.monotonic()
        silence(client, proxy)
        wait_until(lambda: not robot.get_state().control_holder and _speed(robot) <= AT_REST_RAD_PER_S)
        return time.monotonic() - started


def _speed(robot):
    return np.abs(robot.get_state().joint_velocities).max()


def client_in_a_silent_network():
    """Seconds until a client that steps hears that its daemon cannot be reached, and what it hears."""
    with contextlib.ExitStack() as stack:
        daemon = serve(pacing=Pacing.REAL_TIME)
        stack.callback(daemon.stop)
        proxy = stack.enter_context(SilentProxy(daemon.address))
        robot = stack.enter_context(RobotClient(proxy.address))
        session = stack.enter_context(robot.control("test"))
        session.step(period_s=0.02)
        let_pings_drift()
        started = time.monotonic()
        proxy.fall_silent()
        try:
            while True:
                session.step(period_s=0.02)
        except RobotError as error:
            return time.monotonic() - started, error


def actor_in_a_silent_network(folder):
    """Seconds until an actor knows that its learner is gone."""
    with _streaming_actor(folder) as (_learner, proxy, client):
        return _seconds_until(proxy, lambda: not client.status.is_connected)


def learner_in_a_silent_network(folder):
    """Seconds until a learner has forgotten an actor."""
    with _streaming_actor(folder) as (learner, proxy, _client):
        return _seconds_until(proxy, lambda: learner.state.live_actors() == 0)


@contextlib.contextmanager
def _streaming_actor(folder):
    with contextlib.ExitStack() as stack:
        learner = RunningLearner()
        stack.callback(learner.close)
        proxy = stack.enter_context(SilentProxy(learner.address))
        client = make_client(proxy)
        stack.callback(client.close)
        client.join(20.0)
        spool = Spool(folder, row_type(SPEC), "run/a", 1_000_000)
        stack.callback(spool.close)
        client.start(spool)
        wait_until(lambda: client.status.is_connected and learner.state.live_actors() == 1)
        yield learner, proxy, client


def watch_of_health_in_a_silent_network():
    """Seconds until a server has room again for a stream of health that was full of silent clients."""
    daemon = serve()
    with contextlib.closing(daemon):
        method, request = "/grpc.health.v1.Health/Watch", health_pb2.HealthCheckRequest()
        return _seconds_until_room(daemon.address, method, request, MAX_HEALTH_WATCHES)


def stream_of_states_in_a_silent_network():
    """Seconds until a daemon has room again for a stream of states whose client fell silent."""
    daemon = serve(max_streams=1)
    with contextlib.closing(daemon):
        request = robot_service_pb2.StreamStateRequest(rate_hz=20.0)
        return _seconds_until_room(daemon.address, "/serl.robot.v1.RobotService/StreamState", request, 1)


def watch_of_a_policy_in_a_silent_network():
    """Seconds until a learner has room again for a watch of its policy whose actor fell silent."""
    learner = RunningLearner(max_streams=1)
    with contextlib.closing(learner):
        learner.publisher.publish(PolicySnapshot(1, b"policy", 0))
        with contextlib.closing(make_client(learner)) as client:
            client.join(20.0)
        request = learner_service_pb2.WatchPolicyRequest(actor_id="a")
        return _seconds_until_room(learner.address, "/serl.learner.v1.LearnerService/WatchPolicy", request, 1)


def _seconds_until_room(address, method, request, count):
    """Takes all places of a stream through a network that falls silent, and waits for one."""

    def first_answer(channel):
        stream = channel.unary_stream(method, type(request).SerializeToString)(request)
        try:
            next(stream)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            return None
        return stream

    with SilentProxy(address) as proxy, open_channel(proxy.address) as silent, open_channel(address) as other:
        streams = [first_answer(silent) for _ in range(count)]
        assert all(streams)
        assert first_answer(other) is None
        return _seconds_until(proxy, lambda: first_answer(other))


def _seconds_until(proxy, condition):
    let_pings_drift()
    started = time.monotonic()
    proxy.fall_silent()
    wait_until(condition)
    return time.monotonic() - started


def let_pings_drift():
    """Puts the silence at any point between two pings."""
    time.sleep(random.random())
