"""A service manager's socket, and samples of an arm."""

import socket

import numpy as np
import pytest

from robot_daemon.hardware.devices import ArmSample, GripperSample
from serl_api.enums import GripperMotion
from serl_api.values import Pose


class ServiceManager:
    """The receiving end of sd_notify."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.settimeout(5.0)

    def receive(self):
        return self.socket.recv(4096).decode()

    def drain(self):
        """What waits already."""
        self.socket.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self.receive())
        except BlockingIOError:
            self.socket.settimeout(5.0)
        return messages


@pytest.fixture
def manager(tmp_path):
    made = ServiceManager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


@pytest.fixture
def arm_at():
    """A state of the arm at a time, and at a height."""

    def make(time_ns, z=0.3, force=0.0, external=True):
        return ArmSample(
            time_ns=time_ns,
            joint_positions=np.arange(7.0),
            joint_velocities=np.full(7, 0.1),
            joint_torques=np.zeros(7),
            external_joint_torques=np.ones(7) if external else None,
            tcp_pose=Pose(np.array([0.4, 0.0, z]), np.array([1.0, 0.0, 0.0, 0.0])),
            tcp_twist=np.zeros(6),
            external_wrench=np.array([0.0, 0.0, force, 0.0, 0.0, 0.0]),
            jacobian=np.arange(42.0).reshape(6, 7),
            command_success_rate=0.97 if external else None,
        )

    return make


@pytest.fixture
def gripper_at():
    def make(time_ns, width=0.04, force=None):
        return GripperSample(
            time_ns=time_ns, width=width, target_width=0.0, motion=GripperMotion.OBJECT_HELD, force=force
        )

    return make
