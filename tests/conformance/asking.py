"""What the files of the contract send: targets near home, raw requests, and requests that are refused."""

import math

import grpc
import numpy as np
from google.protobuf import duration_pb2
from serl.robot.v1 import control_pb2, geometry_pb2, robot_service_pb2, robot_service_pb2_grpc

from serl_api.errors.robot import robot_error
from serl_api.values import Pose

PERIOD_S = 0.02


def shifted(pose, x=0.0, y=0.0, z=0.0):
    return Pose(position=pose.position + np.array([x, y, z]), quaternion_xyzw=pose.quaternion_xyzw)


def rotated_about_z(pose, angle):
    half = angle / 2
    z, w = math.sin(half), math.cos(half)
    x1, y1, z1, w1 = pose.quaternion_xyzw
    turned = np.array([w * x1 - z * y1, w * y1 + z * x1, w * z1 + z * w1, w * w1 - z * z1])
    return Pose(position=pose.position, quaternion_xyzw=turned)


def home(client):
    return client.info.arm.home_tcp_pose


def request(number, **kind):
    return robot_service_pb2.ControlRequest(sequence_number=number, **kind)


def open_request(name="raw", number=1):
    return request(number, open=control_pb2.Open(client_name=name))


def raw_step(number, **fields):
    step = control_pb2.Step(**fields)
    if not step.HasField("period"):
        step.period.CopyFrom(duration_pb2.Duration(nanos=20_000_000))
    return request(number, step=step)


def raw_pose(position=(0.4, 0.0, 0.25), orientation=(1.0, 0.0, 0.0, 0.0)):
    x, y, z = position
    qx, qy, qz, qw = orientation
    return geometry_pb2.Pose(
        position=geometry_pb2.Vector3(x=x, y=y, z=z), orientation=geometry_pb2.Quaternion(x=qx, y=qy, z=qz, w=qw)
    )


def refusal(target, *requests):
    """Sends raw requests and returns the status that ends the stream, and the exception that the client makes of it."""
    stub = robot_service_pb2_grpc.RobotServiceStub(target.channel)
    try:
        list(stub.Control(iter(requests), timeout=10.0))
    except grpc.RpcError as error:
        return error.code(), robot_error(error, target.address)
    raise AssertionError("the stream ended without a refusal")
