"""The client's half of the codec and the daemon's half are inverses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serl.robot.v1 import control_pb2, state_pb2

from robot_daemon.api import codec
from robot_daemon.drivers.fake.cell import FakeArm, LockstepTimebase
from serl_api import values
from serl_api.codec import requests
from serl_api.codec import values as client_codec
from serl_api.rotation import normalized

numbers = st.floats(-1e3, 1e3)
rotations = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1).map(normalized)
triples = st.tuples(numbers, numbers, numbers)


def same_rotation(a, b):
    return abs(abs(float(np.dot(a, b))) - 1.0) < 1e-12


@given(triples, rotations)
def test_poses_reach_the_daemon_as_they_were(position, quaternion):
    pose = values.Pose(np.array(position), np.array(quaternion))
    decoded = requests.decode_pose(client_codec.encode_pose(pose), "pose")
    assert decoded.position.tolist() == list(position)
    assert same_rotation(decoded.quaternion_xyzw, quaternion)


@given(triples, rotations)
def test_poses_reach_the_client_with_a_positive_scalar_part(position, quaternion):
    decoded = client_codec.decode_pose(codec.encode_pose(np.array(position), np.array(quaternion)))
    assert decoded.position.tolist() == list(position)
    assert same_rotation(decoded.quaternion_xyzw, quaternion)
    assert decoded.quaternion_xyzw[3] >= 0.0


@given(st.lists(numbers, min_size=6, max_size=6))
def test_wrenches_reach_the_daemon_as_they_were(wrench):
    message = client_codec.encode_wrench(values.WrenchTarget(wrench=np.array(wrench)))
    assert requests.decode_wrench(message, "wrench").wrench.tolist() == wrench


@given(st.lists(numbers, min_size=7, max_size=7))
def test_joints_reach_the_daemon_as_they_were(positions):
    message = client_codec.encode_joints(values.JointTarget(positions=np.array(positions)))
    assert requests.decode_joints(message, 7, "joints").positions.tolist() == positions


def test_compliance_survives_both_ways():
    present = values.FullCompliance(translational_stiffness=1234.0, rotational_clip_negative=(0.1, 0.2, 0.3))
    asked = client_codec.decode_compliance(codec.encode_compliance(present))
    assert requests.decode_compliance(client_codec.encode_compliance(asked), values.FullCompliance()) == present


def test_an_empty_compliance_changes_nothing():
    present = values.FullCompliance(nullspace_stiffness=3.0)
    assert requests.decode_compliance(control_pb2.Compliance(), present) == present


def test_every_part_of_a_state_reaches_the_client():
    arm = FakeArm(LockstepTimebase(), np.linspace(-0.5, 0.5, 7))
    state, message = arm.read_state(), state_pb2.RobotState()
    codec.write_arm_state(message, state)
    decoded = client_codec.decode_state(message)
    assert decoded.joint_positions == pytest.approx(state.joint_positions, abs=0)
    assert decoded.tcp_pose.position == pytest.approx(state.tcp_pose.position, abs=0)
    assert decoded.tcp_twist == pytest.approx(state.tcp_twist, abs=0)
    assert decoded.external_wrench == pytest.approx(state.external_wrench, abs=0)
    assert decoded.jacobian == pytest.approx(state.jacobian, abs=0)
