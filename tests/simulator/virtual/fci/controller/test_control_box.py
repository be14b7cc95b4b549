import numpy as np
import pytest

from simulator.model.arm_table import FR3
from simulator.virtual.fci.controller.control_box import FIRST_COMMAND_CYCLES
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import (
    Command,
    Controller,
    Generator,
    MoveStatus,
    PlainStatus,
    RobotMode,
    SetterStatus,
    StopStatus,
)


def faults(box):
    return [fault for fault in Fault if box.faults[fault]]


def test_idle_holds_the_arm_where_it_is(box, client):
    before = box.plant.positions.copy()
    client.be_silent(500)
    np.testing.assert_allclose(box.plant.positions, before, atol=1e-4)
    assert box.mode is RobotMode.IDLE
    assert box.reported_modes == (Generator.IDLE, Controller.OTHER)
    assert box.success_rate == 0.0


def test_a_torque_motion_starts_moves_and_ends(box, client):
    move = client.move()
    assert client.statuses(move) == [MoveStatus.MOTION_STARTED]
    assert (box.mode, box.reported_modes) == (RobotMode.MOVE, (Generator.NONE, Controller.EXTERNAL))
    for torque in (0.9, 1.8, 2.7):
        client.cycle(tau_J_d=[torque, 0, 0, 0, 0, 0, 0])
    assert box.torque[0] == pytest.approx(2.7)
    assert box.plant.velocities[0] > 0.0
    client.cycle(tau_J_d=[2.7, 0, 0, 0, 0, 0, 0], torque_command_finished=1)
    assert box.mode is RobotMode.MOVE, "it still brakes"
    client.be_silent(30)
    assert client.statuses(move) == [MoveStatus.MOTION_STARTED, MoveStatus.SUCCESS]
    assert box.mode is RobotMode.IDLE


def test_a_torque_jump_is_a_reflex_that_only_recovery_ends(box, client):
    move = client.move()
    client.cycle(3)
    client.cycle(tau_J_d=[0, 5.0, 0, 0, 0, 0, 0])
    assert client.statuses(move)[-1] == MoveStatus.REFLEX_ABORTED
    assert (box.mode, faults(box)) == (RobotMode.REFLEX, [Fault.CONTROLLER_TORQUE_DISCONTINUITY])
    assert box.reflex_reason[Fault.CONTROLLER_TORQUE_DISCONTINUITY]
    assert client.statuses(client.move()) == [MoveStatus.NOT_POSSIBLE]
    recovery = client.ask(Command.AUTOMATIC_ERROR_RECOVERY)
    client.be_silent()
    assert client.statuses(recovery) == [PlainStatus.SUCCESS]
    assert (box.mode, faults(box)) == (RobotMode.IDLE, [])
    assert box.reflex_reason[Fault.CONTROLLER_TORQUE_DISCONTINUITY], "it stays until the next motion"
    client.move()
    assert not box.reflex_reason.any()


def test_after_a_reflex_in_full_motion_the_arm_brakes_within_its_limits_and_holds(box, client):
    client.move()
    torque = np.zeros(7)
    for _ in range(100):
        torque[0] = min(torque[0] + 0.9, 20.0)
        client.cycle(tau_J_d=torque)
    speed = box.plant.velocities[0]
    assert speed > 0.3
    box.reflex(Fault.JOINT_REFLEX)
    client.be_silent(int(1000 * speed / FR3.joints[0].acceleration) + 60)
    assert abs(box.plant.velocities[0]) < 0.02
    stands = box.plant.positions.copy()
    client.be_silent(300)
    np.testing.assert_allclose(box.plant.positions, stands, atol=2e-3)


def test_lost_commands_repeat_the_last_torque_and_twenty_stop_the_motion(box, client):
    client.move()
    client.cycle(tau_J_d=[0, 0, 0, 0, 0, 0, 0.5])
    client.be_silent(19)
    assert box.mode is RobotMode.MOVE
    assert box.torque[6] == 0.5
    assert box.success_rate == pytest.approx(0.81)
    client.be_silent()
    assert faults(box) == [Fault.COMMUNICATION_CONSTRAINTS_VIOLATION]
    assert box.tally.missed == 20


def test_a_cycle_that_the_loop_shortened_is_not_held_against_the_client(box, client):
    client.move()
    client.cycle()
    client.be_silent(100, was_due=False)
    assert (box.mode, box.tally.missed) == (RobotMode.MOVE, 0)


def test_a_client_gets_time_for_its_first_command_but_not_for_ever(box, client):
    client.move()
    client.be_silent(FIRST_COMMAND_CYCLES - 1)
    assert (box.mode, box.success_rate) == (RobotMode.MOVE, 1.0)
    client.be_silent()
    assert faults(box) == [Fault.COMMUNICATION_CONSTRAINTS_VIOLATION]


def test_stop_move_ends_a_motion_as_preempted(box, client):
    move = client.move()
    client.cycle(3)
    stop = client.ask(Command.STOP_MOVE)
    assert client.statuses(client.ask(Command.STOP_MOVE)) == [StopStatus.NOT_POSSIBLE]
    assert client.statuses(stop) == []
    client.be_silent(3)
    assert client.statuses(stop) == [StopStatus.SUCCESS]
    assert client.statuses(move)[-1] == MoveStatus.PREEMPTED
    assert box.mode is RobotMode.IDLE
    assert client.statuses(client.ask(Command.STOP_MOVE)) == [StopStatus.NOT_POSSIBLE]


def test_a_stop_is_answered_when_the_arm_stands_and_a_user_stop_meanwhile_aborts_it(box, client):
    torque = np.zeros(7)
    for presses in (False, True):
        move = client.move()
        for _ in range(80):
            torque[0] += 0.5 if torque[0] < 12.0 else 0.0
            client.cycle(tau_J_d=torque)
        stop = client.ask(Command.STOP_MOVE)
        client.be_silent(5)
        assert client.statuses(stop) == []
        if presses:
            box.press_user_stop()
        client.be_silent(200)
        assert client.statuses(stop) == [StopStatus.EMERGENCY_ABORTED if presses else StopStatus.SUCCESS]
        assert client.statuses(move)[-1] == (MoveStatus.EMERGENCY_ABORTED if presses else MoveStatus.PREEMPTED)
        assert np.abs(box.plant.velocities).max() < 0.02
        torque[:] = box.torque


def test_user_stop_ends_a_motion_and_refuses_others_until_it_is_released(box, client):
    move = client.move()
    client.cycle(3)
    box.press_user_stop()
    client.be_silent()
    assert client.statuses(move)[-1] == MoveStatus.EMERGENCY_ABORTED
    assert client.statuses(client.move()) == [MoveStatus.REJECTED_BY_SAFETY]
    assert client.statuses(client.ask(Command.AUTOMATIC_ERROR_RECOVERY)) == [PlainStatus.REJECTED_BY_SAFETY]
    box.release_user_stop()
    assert box.mode is RobotMode.IDLE
    assert client.statuses(client.move()) == [MoveStatus.MOTION_STARTED]


def test_a_lost_client_stops_the_arm(box, client):
    client.move()
    client.cycle(3)
    box.lose_client()
    assert faults(box) == [Fault.COMMUNICATION_CONSTRAINTS_VIOLATION]
    assert box.take_responses() == []


def test_a_push_beyond_the_thresholds_is_a_reflex(box, client):
    thresholds = np.concatenate([np.full(28, 50.0), np.full(24, 20.0)])
    assert client.statuses(client.ask(Command.SET_COLLISION_BEHAVIOR, thresholds.tobytes())) == [SetterStatus.SUCCESS]
    client.move()
    box.plant.push((0.0, 0.0, -15.0), (0.0, 0.0, 0.0))
    client.cycle(50)
    assert box.mode is RobotMode.MOVE
    box.plant.push((0.0, 0.0, -30.0), (0.0, 0.0, 0.0))
    client.cycle(50)
    assert faults(box) == [Fault.CARTESIAN_REFLEX]


def test_settings_are_checked_and_refused_while_moving(box, client):
    far_too_heavy = np.array([30.0] + [0.0] * 12)
    assert client.statuses(client.ask(Command.SET_LOAD, far_too_heavy.tobytes())) == [SetterStatus.INVALID_ARGUMENT]
    sheared = np.eye(4)
    sheared[0, 1] = 0.5
    frame = client.ask(Command.SET_NE_TO_EE, sheared.tobytes(order="F"))
    assert client.statuses(frame) == [SetterStatus.INVALID_ARGUMENT]
    not_a_number = np.full(7, np.nan)
    stiffness = client.ask(Command.SET_JOINT_IMPEDANCE, not_a_number.tobytes())
    assert client.statuses(stiffness) == [SetterStatus.INVALID_ARGUMENT]
    client.move()
    assert client.statuses(client.ask(Command.SET_GUIDING_MODE, bytes(7))) == [SetterStatus.NOT_POSSIBLE]


def test_frames_chain_from_flange_to_stiffness(box, client):
    tool, stiffness = np.eye(4), np.eye(4)
    tool[:3, 3], stiffness[:3, 3] = (0.0, 0.0, 0.1), (0.0, 0.05, 0.0)
    client.ask(Command.SET_NE_TO_EE, tool.tobytes(order="F"))
    client.ask(Command.SET_EE_TO_K, stiffness.T.tobytes())
    np.testing.assert_allclose(box.settings.flange_to_stiffness[:3, 3], (0.0, 0.05, 0.1))


def test_recovery_brings_the_arm_back_from_beyond_a_limit(box, client):
    positions = np.array(FR3.home)
    positions[5] = FR3.joints[5].lower - 0.005
    box.place(positions)
    client.move()
    client.cycle(2)
    assert faults(box) == [Fault.JOINT_POSITION_LIMITS_VIOLATION]
    recovery = client.ask(Command.AUTOMATIC_ERROR_RECOVERY)
    client.be_silent()
    assert (box.mode, client.statuses(recovery)) == (RobotMode.RECOVERY, [])
    client.be_silent(200)
    assert (box.mode, client.statuses(recovery)) == (RobotMode.IDLE, [PlainStatus.SUCCESS])
    assert box.plant.positions[5] > FR3.joints[5].lower


def test_no_generator_and_no_torques_is_no_motion(client):
    move = client.move(Controller.JOINT_IMPEDANCE, Generator.NONE)
    assert client.statuses(move) == [MoveStatus.INVALID_ARGUMENT]


def test_a_guided_arm_gives_way_and_stays_where_it_is_led(box, client):
    begin = box.plant.positions.copy()
    box.take_by_hand()
    box.plant.push((0.0, 15.0, 0.0), (0.0, 0.0, 0.0))
    client.be_silent(400)
    assert box.mode is RobotMode.GUIDING
    assert client.statuses(client.move()) == [MoveStatus.NOT_POSSIBLE]
    assert client.statuses(client.ask(Command.AUTOMATIC_ERROR_RECOVERY)) == [PlainStatus.NOT_POSSIBLE]
    box.plant.push((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    box.let_go()
    client.be_silent(300)
    left = box.plant.positions.copy()
    assert np.abs(left - begin).max() > 0.1
    client.be_silent(300)
    np.testing.assert_allclose(box.plant.positions, left, atol=1e-3)
    assert (box.mode, faults(box)) == (RobotMode.IDLE, [])


def test_a_hand_ends_a_motion_as_the_stop_button_does(box, client):
    move = client.move()
    client.cycle(3)
    box.take_by_hand()
    client.be_silent()
    assert client.statuses(move)[-1] == MoveStatus.EMERGENCY_ABORTED
    assert (box.mode, box.motion) == (RobotMode.GUIDING, None)


def test_an_arm_whose_brakes_are_closed_takes_no_motion_until_they_are_open(box, client):
    move = client.move()
    client.cycle(3)
    box.close_brakes()
    client.be_silent()
    assert client.statuses(move)[-1] == MoveStatus.EMERGENCY_ABORTED
    assert box.mode is RobotMode.OTHER
    assert client.statuses(client.move()) == [MoveStatus.NOT_POSSIBLE]
    box.open_brakes()
    assert box.mode is RobotMode.IDLE
    assert client.statuses(client.move())[0] == MoveStatus.MOTION_STARTED
