"""Moves an arm slowly to and fro over the robot API, until it is stopped: the client that dies in the first hour."""

import itertools
import math
import queue
import sys

import grpc
import numpy as np
from serl.robot.v1 import control_pb2, robot_service_pb2, robot_service_pb2_grpc

from serl_api.codec import control
from serl_api.codec.geometry import decode_pose
from serl_api.codec.times import encode_duration
from serl_api.values import Pose

NAME = "first hour, client to be lost"
WAY_M, TURN_S, PERIOD_S = 0.02, 2.0, 0.1
"""Way to and fro, m; time of both, s; time between two targets, s."""


def main() -> int:
    """Moves along y from where the arm is; arguments are the address and the direction, 1 or -1."""
    address, direction = sys.argv[1], float(sys.argv[2])
    requests: queue.SimpleQueue[robot_service_pb2.ControlRequest] = queue.SimpleQueue()
    with grpc.insecure_channel(address) as channel:
        call = robot_service_pb2_grpc.RobotServiceStub(channel).Control(iter(requests.get, None))
        opening = control_pb2.Open(client_name=NAME)
        requests.put(robot_service_pb2.ControlRequest(sequence_number=1, open=opening))
        start = decode_pose(next(call).opened.observation.state.tcp_pose)
        for number in itertools.count(2):
            phase = 2.0 * math.pi * (number - 2) * PERIOD_S / TURN_S
            offset = np.array((0.0, direction * 0.5 * WAY_M * (1.0 - math.cos(phase)), 0.0))
            step = control_pb2.Step(period=encode_duration(PERIOD_S))
            control.write_target(step, Pose(start.position + offset, start.quaternion_xyzw))
            requests.put(robot_service_pb2.ControlRequest(sequence_number=number, step=step))
            next(call)
    return 0


if __name__ == "__main__":
    sys.exit(main())
