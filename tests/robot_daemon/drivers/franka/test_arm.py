"""The driver, with the unmodified libfranka inside franky, before the virtual arm."""

import os
import threading
import time

import numpy as np
import pytest

from robot_daemon.drivers.franka import FrankaArm
from robot_daemon.drivers.franka.options import LoadOptions
from serl_api.enums import ControlMode
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FullCompliance, JointTarget, Load, Pose, WrenchTarget
from simulator.model.arm_table import FR3
from simulator.virtual.fci.protocol import Controller, RobotMode
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

READY = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])
"""Franka's ready pose, where Desk and every example leave an arm; home is elsewhere."""
SOFT = FullCompliance(translational_stiffness=1000.0, translational_damping=80.0)


def moved(state, x=0.0, y=0.0, z=0.0):
    """A target beside a state's pose."""
    return Pose(state.tcp_pose.position + np.array([x, y, z]), state.tcp_pose.quaternion_xyzw)


def distance(arm, position):
    return float(np.abs(arm.read_state().tcp_pose.position - position).max())


def ids(arm):
    return [fault.id for fault in arm.faults()]


def settle(arm, seconds=0.1):
    """Waits until the arm has stood still for a while."""
    history = []

    def rests():
        history.append(arm.read_state())
        since = history[-1].time_ns - seconds * 1e9
        # All of them: about the turn of a swing, two instants can agree while the arm moves.
        places = np.array([state.tcp_pose.position for state in history if state.time_ns >= since])
        return history[0].time_ns < since and np.ptp(places, axis=0).max() < 1e-4

    wait_until(rests)
    return history[-1]


def track(arm, **offset):
    """Starts pose control, a little away from where the arm is or right there."""
    goal = moved(arm.read_state(), **offset)
    arm.set_target(goal)
    wait_until(lambda: distance(arm, goal.position) < 1e-3)
    return goal


def cycles_since(fci, time_ns):
    log = fci.log()
    return log[log["time_ns"] > time_ns]


def is_answering(arm):
    try:
        return arm.read_state() is not None
    except DeviceUnavailableError:
        return False


def in_control(fci):
    return fci.state()["in_motion"]


class TestState:
    def test_connecting_moves_nothing(self, fci, arm):
        began = time.monotonic_ns()
        arm.set_compliance(SOFT)
        arm.hold()
        time.sleep(0.1)
        assert not in_control(fci)
        cycles = cycles_since(fci, began)
        assert len(cycles) > 20
        assert np.ptp(cycles["positions"], axis=0).max() < 1e-6

    def test_facts_are_those_of_the_arm(self, arm):
        info = arm.info
        assert (info.model, info.joint_count) == ("fr3", 7)
        np.testing.assert_allclose(info.home, FR3.home)
        np.testing.assert_allclose(info.home_tcp_pose.position, arm.read_state().tcp_pose.position, atol=1e-5)
        assert set(info.control_modes) == set(ControlMode) - {ControlMode.UNKNOWN}

    def test_a_tool_moves_the_tcp_and_home(self, fci, connect):
        arm = connect(tcp_position_m=(0.0, 0.0, 0.15))
        flange = np.array(fci.state()["flange_position"])
        np.testing.assert_allclose(arm.read_state().tcp_pose.position, flange - (0.0, 0.0, 0.15), atol=1e-5)
        np.testing.assert_allclose(arm.info.home_tcp_pose.position, (0.4, 0.0, 0.25), atol=1e-5)
        np.testing.assert_allclose(np.abs(arm.info.home_tcp_pose.quaternion_xyzw), (1.0, 0.0, 0.0, 0.0), atol=1e-4)

    def test_the_state_is_the_truth(self, fci, arm):
        state, truth = arm.read_state(), fci.state()
        np.testing.assert_allclose(state.joint_positions, truth["positions"], atol=1e-6)
        np.testing.assert_allclose(state.tcp_pose.position, truth["flange_position"], atol=1e-6)
        x, y, z, w = state.tcp_pose.quaternion_xyzw
        axis = (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y))  # z of the tool in base.
        np.testing.assert_allclose(axis, np.array(truth["flange_rotation"])[:, 2], atol=1e-5)
        assert state.joint_torques[1] != 0.0  # Gravity is in it.

    def test_its_time_is_when_the_arm_sent_it(self, fci, arm):
        taken = []
        wait_until(lambda: taken.append(arm.read_state()) or len(taken) > 60)
        cycles = fci.log()
        first, times = cycles["cycle"][0], cycles["time_ns"]
        assert len(times) == cycles["cycle"][-1] - first + 1
        errors = [np.abs(times - state.time_ns).min() for state in taken]
        assert np.median(errors) < 1_000_000
        assert all(state.time_ns <= time.monotonic_ns() for state in taken)

    def test_the_jacobian_maps_joint_speeds_to_the_movement_of_the_tcp(self, arm):
        start = arm.read_state()
        arm.set_target(
            JointTarget(positions=start.joint_positions + np.array([0.01, -0.01, 0.01, 0.02, -0.01, 0.01, 0.05]))
        )
        wait_until(lambda: np.abs(arm.read_state().joint_velocities).max() > 0.05)
        moving = arm.read_state()
        np.testing.assert_allclose(moving.tcp_twist, moving.jacobian @ moving.joint_velocities, atol=1e-12)
        end = settle(arm)
        change = end.joint_positions - start.joint_positions
        predicted = 0.5 * (start.jacobian + end.jacobian) @ change
        np.testing.assert_allclose(predicted[:3], end.tcp_pose.position - start.tcp_pose.position, atol=1e-4)

    def test_what_pushes_the_tool_is_what_the_state_says(self, fci, arm):
        track(arm, x=0.005)
        fci.inject("wrench", force=[4.0, -6.0, -10.0])
        wait_until(lambda: abs(arm.read_state().external_wrench[2] + 10.0) < 1.0)
        state = settle(arm)
        np.testing.assert_allclose(state.external_wrench[:3], (4.0, -6.0, -10.0), atol=0.5)
        np.testing.assert_allclose(state.external_joint_torques, state.jacobian.T @ state.external_wrench, atol=0.3)

    @pytest.mark.slow
    def test_states_are_fresh_while_the_arm_moves(self, arm):
        track(arm, x=0.005)
        times = set()
        began = time.monotonic()
        wait_until(lambda: times.add(arm.read_state().time_ns) or time.monotonic() - began > 0.3)
        assert len(times) > 20  # Thirty a second would be a frozen loop; 500 Hz gives 150 on an idle machine.


class TestIdle:
    def test_an_arm_that_is_held_for_long_ends_torque_control_until_the_next_target(self, fci, connect):
        arm = connect(idle_timeout_s=0.3)
        assert arm.read_state().command_success_rate is None
        goal = track(arm, x=0.01)
        wait_until(lambda: (arm.read_state().command_success_rate or 0.0) > 0.3)
        time.sleep(0.6)
        assert in_control(fci)  # A target is no idleness, however old: that is for the session to judge.
        arm.hold()
        wait_until(lambda: not in_control(fci))
        wait_until(lambda: arm.read_state().command_success_rate is None)
        assert ids(arm) == []
        assert distance(arm, goal.position) < 2e-3
        track(arm, x=-0.01)
        assert in_control(fci)

    def test_zero_holds_it_for_ever(self, fci, connect):
        arm = connect(idle_timeout_s=0.0)
        track(arm, x=0.005)
        arm.hold()
        began = time.monotonic_ns()
        time.sleep(1.0)
        assert (cycles_since(fci, began)["controller_mode"] == Controller.EXTERNAL).all()


class TestPose:
    def test_a_step_is_reached_and_not_overshot_far(self, fci, arm):
        start = arm.read_state()
        began = time.monotonic_ns()
        goal = moved(start, x=0.03)
        arm.set_target(goal)
        wait_until(lambda: distance(arm, goal.position) < 1e-3)
        settle(arm)
        assert distance(arm, goal.position) < 1e-3
        way = cycles_since(fci, began)["flange_position"] - start.tcp_pose.position
        assert way[:, 0].max() < 0.04
        assert np.abs(way[:, 1:]).max() < 0.01
        assert ids(arm) == []

    def test_it_turns(self, arm):
        start = arm.read_state()
        s, c = np.sin(0.1), np.cos(0.1)
        x, y, z, w = start.tcp_pose.quaternion_xyzw
        turned = np.array((c * x - s * y, c * y + s * x, c * z + s * w, c * w - s * z))  # 0.2 rad about z of base.
        arm.set_target(Pose(start.tcp_pose.position, turned))
        wait_until(lambda: abs(arm.read_state().tcp_pose.quaternion_xyzw @ turned) > 1.0 - 1e-5)

    @pytest.mark.slow
    def test_the_longest_step_that_the_limits_allow_trips_no_reflex(self, arm):
        start = arm.read_state()
        goal = moved(start, z=-0.1)
        arm.set_target(goal)
        wait_until(lambda: distance(arm, goal.position) < 2e-3)
        assert ids(arm) == []

    def test_clips_bound_the_force_in_each_direction(self, fci, arm):
        """A spring of 1000 N/m with clips of 20 mm and 5 mm: 12 N are held one way and too much the other way."""
        arm.set_compliance(
            FullCompliance(
                translational_stiffness=1000.0,
                translational_damping=80.0,
                translational_clip_positive=(0.02, 0.1, 0.1),
                translational_clip_negative=(0.005, 0.1, 0.1),
            )
        )
        goal = track(arm, x=0.003)
        fci.inject("wrench", force=[-12.0, 0.0, 0.0])  # The spring pulls towards positive x.
        wait_until(lambda: arm.read_state().external_wrench[0] < -11.0)
        assert goal.position[0] - settle(arm).tcp_pose.position[0] == pytest.approx(0.012, abs=0.003)
        fci.inject("wrench", force=[12.0, 0.0, 0.0])
        wait_until(lambda: arm.read_state().tcp_pose.position[0] - goal.position[0] > 0.03)
        fci.clear()
        wait_until(lambda: distance(arm, goal.position) < 2e-3)

    def test_new_gains_act_while_the_arm_is_in_control(self, fci, arm):
        firm = FullCompliance(translational_stiffness=2000.0, translational_clip_positive=(0.02,) * 3)
        arm.set_compliance(firm)
        goal = track(arm, x=0.003)
        fci.inject("wrench", force=[0.0, -6.0, 0.0])
        wait_until(lambda: arm.read_state().external_wrench[1] < -5.5)
        assert goal.position[1] - settle(arm).tcp_pose.position[1] == pytest.approx(0.003, abs=0.001)
        began = time.monotonic_ns()
        soft = FullCompliance(
            translational_stiffness=400.0, translational_damping=60.0, translational_clip_positive=(0.02,) * 3
        )
        arm.set_compliance(soft)
        wait_until(lambda: goal.position[1] - arm.read_state().tcp_pose.position[1] > 0.013)
        assert goal.position[1] - settle(arm).tcp_pose.position[1] == pytest.approx(0.015, abs=0.002)
        assert (cycles_since(fci, began)["controller_mode"] == Controller.EXTERNAL).all()

    def test_new_clips_act_without_losing_control(self, fci, arm):
        goal = track(arm, x=0.003)
        began = time.monotonic_ns()
        tight = FullCompliance(translational_clip_positive=(0.002,) * 3, translational_clip_negative=(0.002,) * 3)
        arm.set_compliance(tight)
        fci.inject("wrench", force=[0.0, 10.0, 0.0])  # More than 2000 N/m times 2 mm.
        wait_until(lambda: arm.read_state().tcp_pose.position[1] - goal.position[1] > 0.02)
        cycles = cycles_since(fci, began)
        assert (cycles["controller_mode"] == Controller.EXTERNAL).all()
        assert np.abs(np.diff(cycles["torque"], axis=0)).max() < 1.0

    def test_hold_brakes_and_stays(self, arm):
        start = arm.read_state()
        arm.set_target(moved(start, y=0.06))
        wait_until(lambda: arm.read_state().tcp_pose.position[1] - start.tcp_pose.position[1] > 0.02)
        arm.hold()
        held = arm.read_state().tcp_pose.position
        settle(arm)
        assert distance(arm, held) < 0.015
        assert arm.read_state().tcp_pose.position[1] - start.tcp_pose.position[1] < 0.045

    def test_the_present_pose_moves_no_joint_of_an_arm_in_frankas_ready_pose(self, fci, arm):
        fci.inject("place", positions=list(READY))
        wait_until(lambda: np.abs(arm.read_state().joint_positions - READY).max() < 1e-3)
        began = time.monotonic_ns()
        arm.set_target(arm.read_state().tcp_pose)
        wait_until(lambda: len(cycles_since(fci, began)) > 1500)
        cycles = cycles_since(fci, began)
        assert np.abs(cycles["positions"] - READY).max() < 0.05
        assert np.abs(cycles["velocities"]).max() < 0.1

    @pytest.mark.slow
    def test_the_null_space_goes_to_its_posture_while_the_tool_stays(self, fci, connect):
        first = connect()
        along = np.linalg.svd(first.read_state().jacobian)[2][6]  # Joints that move the elbow and leave the tool.
        first.close()
        posture = np.array(FR3.home) + 0.3 * along
        arm = connect(posture_rad=tuple(posture))
        start = arm.read_state()
        began = time.monotonic_ns()
        arm.set_target(moved(start))
        wait_until(lambda: (arm.read_state().joint_positions - FR3.home) @ along > 0.15)
        assert distance(arm, start.tcp_pose.position) < 0.01
        assert np.abs(cycles_since(fci, began)["velocities"]).max() < 0.4


class TestJoints:
    @pytest.mark.slow
    def test_joint_positions_are_reached_and_held(self, arm):
        goal = arm.read_state().joint_positions + np.array([0.1, -0.05, 0.05, 0.1, 0.05, -0.05, 0.1])
        arm.set_target(JointTarget(positions=goal))
        wait_until(lambda: np.abs(arm.read_state().joint_positions - goal).max() < 0.01)
        arm.hold()
        wait_until(lambda: np.abs(arm.read_state().joint_velocities).max() < 0.01)
        assert np.abs(arm.read_state().joint_positions - goal).max() < 0.02

    @pytest.mark.slow
    def test_a_far_joint_target_is_approached_at_a_speed_that_the_arm_allows(self, fci, arm):
        goal = arm.read_state().joint_positions + np.array([0.5, 0.2, 0.0, 0.0, 0.0, 0.5, 1.0])
        arm.set_target(JointTarget(positions=goal))
        wait_until(lambda: np.abs(arm.read_state().joint_positions - goal).max() < 0.02)
        assert ids(arm) == []

    def test_law_after_law_keeps_control(self, fci, arm):
        track(arm, x=0.003)
        began = time.monotonic_ns()
        goal = arm.read_state().joint_positions + 0.02
        arm.set_target(JointTarget(positions=goal))
        wait_until(lambda: np.abs(arm.read_state().joint_positions - goal).max() < 0.005)
        arm.set_target(WrenchTarget(wrench=np.zeros(6)))
        time.sleep(0.1)
        track(arm, x=0.003)
        cycles = cycles_since(fci, began)
        assert (cycles["controller_mode"] == Controller.EXTERNAL).all()
        assert np.abs(np.diff(cycles["torque"], axis=0)).max() <= 1.02


class TestWrench:
    def test_a_wrench_balances_what_pushes(self, fci, arm):
        arm.set_target(WrenchTarget(wrench=np.array([0.0, 0.0, 8.0, 0.0, 0.0, 0.0])))
        fci.inject("wrench", force=[0.0, 0.0, -8.0])
        wait_until(lambda: arm.read_state().external_wrench[2] < -7.5)
        wait_until(lambda: np.abs(arm.read_state().tcp_twist[:3]).max() < 0.005)
        assert in_control(fci)
        fci.inject("wrench", force=[0.0, 0.0, -4.0])
        wait_until(lambda: arm.read_state().tcp_twist[2] > 0.03)  # What is left moves the tool up.

    @pytest.mark.slow
    def test_hold_after_a_wrench_is_stiff_again(self, fci, arm):
        arm.set_target(WrenchTarget(wrench=np.array([4.0, 0.0, 0.0, 0.0, 0.0, 0.0])))
        wait_until(lambda: arm.read_state().tcp_twist[0] > 0.05)
        arm.hold()
        held = settle(arm).tcp_pose.position
        fci.inject("wrench", force=[0.0, 10.0, 0.0])
        wait_until(lambda: arm.read_state().external_wrench[1] > 9.0)
        settle(arm)
        assert distance(arm, held) < 0.01

    def test_the_arm_stops_by_itself_when_torques_cease_to_come(self, fci, arm, monkeypatch):
        arm.set_target(WrenchTarget(wrench=np.array([0.0, 3.0, 0.0, 0.0, 0.0, 0.0])))
        wait_until(lambda: arm.read_state().tcp_twist[1] > 0.03)
        release = threading.Event()
        monkeypatch.setattr(arm._link.loop, "_turn", lambda *_: release.wait(5.0))
        stalled = time.monotonic_ns()
        wait_until(lambda: not in_control(fci))
        release.set()
        controlled = cycles_since(fci, stalled)
        controlled = controlled[controlled["controller_mode"] == Controller.EXTERNAL]
        assert (controlled["time_ns"][-1] - stalled) * 1e-9 < 0.4
        wait_until(lambda: "stream_stalled" in ids(arm))


class TestFaults:
    def test_a_reflex_is_a_fault_until_recovery(self, fci, arm):
        goal = track(arm, x=0.003)
        fci.inject("reflex", kind="cartesian_reflex")
        wait_until(lambda: ids(arm) == ["contact_reflex"])
        (fault,) = arm.faults()
        assert "cartesian_reflex" in fault.text
        assert fault.clearable
        arm.set_target(moved(arm.read_state(), x=0.02))
        time.sleep(0.1)
        assert not in_control(fci)
        arm.recover(("contact_reflex",))
        assert arm.faults() == ()
        time.sleep(0.1)
        assert not in_control(fci)  # What was asked during the fault is forgotten.
        arm.set_target(goal)
        wait_until(lambda: in_control(fci))

    def test_a_collision_beyond_the_threshold_is_a_reflex(self, fci, connect):
        arm = connect(contact_force_n=20.0)
        track(arm, x=0.003)
        fci.inject("wrench", force=[0.0, 0.0, -30.0])
        wait_until(lambda: ids(arm) == ["contact_reflex"])

    def test_other_errors_have_their_own_names(self, fci, arm):
        track(arm, x=0.003)
        fci.inject("reflex", kind="power_limit_violation")
        wait_until(lambda: ids(arm) == ["power_limit_violation"])
        arm.recover(("power_limit_violation",))
        assert ids(arm) == []

    def test_nothing_is_cleared_by_a_target_or_a_hold(self, fci, arm):
        fci.inject("reflex")
        wait_until(lambda: ids(arm) == ["contact_reflex"])
        arm.set_target(moved(arm.read_state()))
        arm.hold()
        time.sleep(0.1)
        assert ids(arm) == ["contact_reflex"]
        assert fci.state()["robot_mode"] == "REFLEX"

    def test_a_pressed_user_stop_needs_a_hand(self, fci, arm):
        track(arm, x=0.003)
        fci.inject("user_stop")
        wait_until(lambda: ids(arm) == ["user_stop"])
        assert not arm.faults()[0].clearable
        arm.recover(("user_stop",))
        assert ids(arm) == ["user_stop"]
        fci.inject("release_user_stop")
        wait_until(lambda: arm.faults()[0].clearable)
        assert ids(arm) == ["user_stop"]
        arm.recover(("user_stop",))
        assert ids(arm) == []
        track(arm, x=0.003)

    def test_a_user_stop_at_the_start_is_a_fault(self, fci, connect):
        fci.inject("user_stop")
        wait_until(lambda: fci.state()["robot_mode"] == "USER_STOPPED")
        arm = connect()
        wait_until(lambda: ids(arm) == ["user_stop"])
        assert "release it by hand" in arm.faults()[0].text

    def test_an_arm_that_nobody_feeds_is_brought_to_rest(self, fci, arm, monkeypatch):
        track(arm, x=0.003)

        def fail(*_):
            raise ValueError("a bug")

        monkeypatch.setattr(arm._steering, "renew", fail)
        wait_until(lambda: "stream_stalled" in ids(arm))
        wait_until(lambda: not in_control(fci))
        assert fci.state()["robot_mode"] == "IDLE"
        wait_until(lambda: is_answering(arm))  # Connected anew.
        assert ids(arm) == ["stream_stalled"]
        arm.recover(("stream_stalled",))
        assert ids(arm) == []
        track(arm, x=0.003)


def pushed_up(arm):
    """Force along z that the arm feels, N; infinite while it does not answer."""
    try:
        return arm.read_state().external_wrench[2]
    except DeviceUnavailableError:
        return np.inf


class TestLoad:
    @pytest.mark.slow
    def test_a_load_is_told_to_a_moving_arm_which_then_goes_on(self, fci, arm):
        goal = track(arm, x=0.01)
        arm.set_load(Load(mass=0.5, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
        wait_until(lambda: arm.read_state().external_wrench[2] > 4.0)  # Nothing hangs there: as if pushed upwards.
        wait_until(lambda: in_control(fci) and distance(arm, goal.position) < 0.005)
        arm.set_load(Load(mass=0.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
        wait_until(lambda: abs(arm.read_state().external_wrench[2]) < 0.5)
        assert ids(arm) == []

    def test_an_object_is_carried_beside_the_tool_until_it_is_put_down(self, connect):
        arm = connect(load=LoadOptions(mass_kg=0.4))
        lifted = [0.4 * 9.81, 0.7 * 9.81]  # Nothing hangs there: as if pushed upwards.
        wait_until(lambda: arm.read_state().external_wrench[2] == pytest.approx(lifted[0], abs=0.5))
        arm.set_load(Load(mass=0.3, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
        wait_until(lambda: arm.read_state().external_wrench[2] == pytest.approx(lifted[1], abs=0.5))
        arm.restore_load()
        wait_until(lambda: arm.read_state().external_wrench[2] == pytest.approx(lifted[0], abs=0.5))
        arm.close()
        connect(load=LoadOptions(mass_kg=0.0))

    def test_a_load_does_not_outlive_a_lost_connection(self, fci, arm):
        arm.set_load(Load(mass=0.5, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
        wait_until(lambda: arm.read_state().external_wrench[2] > 4.0)
        fci.inject("disconnect")
        wait_until(lambda: "connection_lost" in ids(arm))
        arm.restore_load()  # Of no use without a connection.
        wait_until(lambda: all(fault.clearable for fault in arm.faults()))
        wait_until(lambda: abs(pushed_up(arm)) < 0.5)

    def test_a_load_that_the_arm_refuses_is_a_warning(self, arm):
        arm.set_load(Load(mass=9.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
        wait_until(lambda: ids(arm) == ["load_refused"])
        assert "9 kg" in arm.faults()[0].text
        track(arm, x=0.003)
        arm.set_load(Load(mass=0.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
        wait_until(lambda: ids(arm) == [])


class TestEnd:
    def test_closing_brings_a_moving_arm_to_rest_and_lets_go_of_it(self, fci, connect):
        arm = connect()
        arm.set_target(moved(arm.read_state(), y=0.05))
        wait_until(lambda: abs(arm.read_state().tcp_twist[1]) > 0.05)
        arm.close()
        truth = fci.state()
        assert (truth["robot_mode"], truth["faults"]) == (RobotMode.IDLE.name, [])
        assert np.abs(truth["velocities"]).max() < 0.05
        with pytest.raises(DeviceUnavailableError):
            arm.read_state()
        assert isinstance(connect(), FrankaArm)

    def test_no_thread_of_the_daemon_has_real_time_priority(self, arm):
        track(arm, x=0.003)
        names = {thread.native_id: thread.name for thread in threading.enumerate()}
        assert any(name.startswith("franka") for name in names.values())
        assert {os.sched_getscheduler(number) for number in names if number} == {os.SCHED_OTHER}
