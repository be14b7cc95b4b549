"""What a careless or hostile peer opens and never uses: calls without a request, connections without a call."""

import contextlib
import socket
import threading

from serl.learner.v1 import learner_service_pb2
from serl.robot.v1 import camera_service_pb2, robot_service_pb2

from serl_api.security import open_channel

FLOOD = 60
"""More than any server here has workers."""


def methods_of(*services):
    return [f"/{service.full_name}/{method.name}" for service in services for method in service.methods]


ROBOT = methods_of(
    robot_service_pb2.DESCRIPTOR.services_by_name["RobotService"],
    camera_service_pb2.DESCRIPTOR.services_by_name["CameraService"],
)
LEARNER = methods_of(learner_service_pb2.DESCRIPTOR.services_by_name["LearnerService"])
HEALTH = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]


@contextlib.contextmanager
def half_open_calls(address, method, count=FLOOD):
    """Calls of a method whose request never comes."""
    closed = threading.Event()

    def never():
        closed.wait()
        yield from ()

    with open_channel(address) as channel:
        calls = [channel.stream_stream(method)(never()) for _ in range(count)]
        yield calls
        closed.set()
        for call in calls:
            call.cancel()


@contextlib.contextmanager
def idle_connections(address, count):
    """Connections that never say anything."""
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((host, int(port))))
        yield
