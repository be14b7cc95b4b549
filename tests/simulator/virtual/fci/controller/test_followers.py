import math

import numpy as np
import pytest

from simulator.model.arm_table import FR3
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import Controller, Generator, RobotMode

HOME = np.array(FR3.home)


def smooth(step, steps):
    """From 0 to 1 with rest at both ends, and its derivative per step."""
    share = step / steps
    return 0.5 - 0.5 * math.cos(math.pi * share), 0.5 * math.pi / steps * math.sin(math.pi * share)


def faults(box):
    return [fault for fault in Fault if box.faults[fault]]


def test_joint_positions_are_followed(box, client):
    client.move(Controller.JOINT_IMPEDANCE, Generator.JOINT_POSITION)
    way = np.array([0.2, -0.1, 0.1, 0.2, 0.1, -0.1, 0.3])
    for step in range(801):
        client.cycle(q_c=HOME + way * smooth(step, 800)[0])
    assert box.mode is RobotMode.MOVE, faults(box)
    np.testing.assert_allclose(box.plant.positions, HOME + way, atol=2e-3)
    client.cycle(q_c=HOME + way, motion_generation_finished=1)
    client.be_silent(20)
    assert box.mode is RobotMode.IDLE


def test_joint_velocities_are_followed(box, client):
    client.move(Controller.JOINT_IMPEDANCE, Generator.JOINT_VELOCITY)
    way = np.array([0.2, 0.0, 0.0, 0.2, 0.0, 0.0, -0.3])
    for step in range(601):
        client.cycle(dq_c=way * smooth(step, 600)[1] * 1000.0)
    assert box.mode is RobotMode.MOVE, faults(box)
    np.testing.assert_allclose(box.plant.positions, HOME + way, atol=5e-3)


def test_lost_joint_positions_are_extrapolated_without_a_fault(box, client):
    client.move(Controller.JOINT_IMPEDANCE, Generator.JOINT_POSITION)
    way = np.array([0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    for step in range(801):
        if step % 7 in (2, 3, 4) and step > 10:
            client.be_silent()
        else:
            client.cycle(q_c=HOME + way * smooth(step, 800)[0])
    assert box.mode is RobotMode.MOVE, faults(box)
    assert box.success_rate == pytest.approx(4 / 7, abs=0.03)
    np.testing.assert_allclose(box.plant.positions, HOME + way, atol=5e-3)


@pytest.mark.parametrize(
    ("positions", "fault"),
    [
        ([HOME + 0.1], Fault.JOINT_POSITION_MOTION_GENERATOR_START_POSE_INVALID),
        ([HOME * math.nan], Fault.JOINT_POSITION_MOTION_GENERATOR_START_POSE_INVALID),
        ([HOME, HOME + 0.006], Fault.JOINT_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION),
        ([HOME, HOME + 0.001], Fault.JOINT_MOTION_GENERATOR_VELOCITY_DISCONTINUITY),
    ],
)
def test_positions_that_jump_are_refused(box, client, positions, fault):
    client.move(Controller.JOINT_IMPEDANCE, Generator.JOINT_POSITION)
    for value in positions:
        client.cycle(q_c=value)
    assert faults(box) == [fault]


def test_a_generator_may_not_leave_the_position_limits(box, client):
    positions = HOME.copy()
    positions[5] = FR3.joints[5].lower + 1e-4
    box.place(positions)
    client.move(Controller.JOINT_IMPEDANCE, Generator.JOINT_VELOCITY)
    for step in range(100):
        client.cycle(dq_c=[0, 0, 0, 0, 0, -0.005 * step, 0])
    assert faults(box) == [Fault.JOINT_MOTION_GENERATOR_POSITION_LIMITS_VIOLATION]


def test_a_tool_pose_is_followed_in_position_and_rotation(box, client):
    client.move(Controller.CARTESIAN_IMPEDANCE, Generator.CARTESIAN_POSITION)
    start = box.plant.flange.tool_pose(box.settings.flange_to_tool)
    way, turn = np.array([0.05, 0.08, -0.06]), 0.4
    goal = start.copy()
    for step in range(1001):
        share = smooth(step, 1000)[0]
        goal[:3, 3] = start[:3, 3] + way * share
        angle = turn * share
        about_z = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
        goal[:3, :3] = about_z @ start[:3, :3]
        client.cycle(O_T_EE_c=goal.ravel(order="F"))
    assert box.mode is RobotMode.MOVE, faults(box)
    np.testing.assert_allclose(box.plant.flange.tool_pose(box.settings.flange_to_tool), goal, atol=3e-3)
    np.testing.assert_allclose(box.desired.flange.tool_pose(box.settings.flange_to_tool), goal, atol=1e-4)


def test_a_twist_is_integrated(box, client):
    client.move(Controller.JOINT_IMPEDANCE, Generator.CARTESIAN_VELOCITY)
    start = box.plant.flange.position.copy()
    way = np.array([0.0, -0.06, 0.05])
    for step in range(801):
        rate = smooth(step, 800)[1] * 1000.0
        client.cycle(O_dP_EE_c=[*(way * rate), 0.0, 0.0, 0.3 * rate])
    assert box.mode is RobotMode.MOVE, faults(box)
    np.testing.assert_allclose(box.plant.flange.position - start, way, atol=3e-3)


def test_a_commanded_elbow_moves_and_the_tool_does_not(box, client):
    client.move(Controller.JOINT_IMPEDANCE, Generator.CARTESIAN_POSITION)
    start = box.plant.flange.tool_pose(box.settings.flange_to_tool)
    for step in range(1001):
        elbow = HOME[2] + 0.15 * smooth(step, 1000)[0]
        client.cycle(O_T_EE_c=start.ravel(order="F"), elbow_c=[elbow, -1.0], valid_elbow=1)
    assert box.mode is RobotMode.MOVE, faults(box)
    assert box.plant.positions[2] == pytest.approx(HOME[2] + 0.15, abs=3e-3)
    np.testing.assert_allclose(box.plant.flange.position, start[:3, 3], atol=2e-3)


def _jump(pose):
    pose[0, 3] += 0.02


def _run(pose):
    pose[0, 3] += 0.004


def _start_hard(pose):
    pose[0, 3] += 0.0002


def _shear(pose):
    pose[0, 1] += 0.1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ([_jump], Fault.CARTESIAN_POSITION_MOTION_GENERATOR_START_POSE_INVALID),
        ([_shear], Fault.CARTESIAN_POSITION_MOTION_GENERATOR_INVALID_FRAME),
        ([None, _run], Fault.CARTESIAN_MOTION_GENERATOR_VELOCITY_LIMITS_VIOLATION),
        ([None, _start_hard], Fault.CARTESIAN_MOTION_GENERATOR_VELOCITY_DISCONTINUITY),
    ],
)
def test_poses_that_jump_or_are_none_are_refused(box, client, changes, fault):
    client.move(Controller.JOINT_IMPEDANCE, Generator.CARTESIAN_POSITION)
    pose = box.plant.flange.tool_pose(box.settings.flange_to_tool)
    for change in changes:
        if change is not None:
            change(pose)
        client.cycle(O_T_EE_c=pose.ravel(order="F"))
    assert faults(box) == [fault]


@pytest.mark.parametrize(
    ("elbow", "fault"),
    [
        ([HOME[2], 1.0], Fault.START_ELBOW_SIGN_INCONSISTENT),
        ([HOME[2] + 0.1, -1.0], Fault.CARTESIAN_MOTION_GENERATOR_START_ELBOW_INVALID),
    ],
)
def test_an_elbow_that_is_not_the_present_one_is_refused(box, client, elbow, fault):
    client.move(Controller.JOINT_IMPEDANCE, Generator.CARTESIAN_POSITION)
    pose = box.plant.flange.tool_pose(box.settings.flange_to_tool)
    client.cycle(O_T_EE_c=pose.ravel(order="F"), elbow_c=elbow, valid_elbow=1)
    assert faults(box) == [fault]
