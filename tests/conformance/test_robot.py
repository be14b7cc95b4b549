"""The contract of RobotService. A behaviour that is not stated here is not promised."""

import math
import queue
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from serl.robot.v1 import control_pb2, geometry_pb2, robot_service_pb2, robot_service_pb2_grpc

import serl_client
from serl_client import RobotClient
from serl_client.errors import robot_error
from serl_client.values import (
    ArmMode,
    ClipKind,
    Compliance,
    JointTarget,
    MotionOutcome,
    Pose,
)

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


class TestClaim:
    def test_an_idle_daemon_is_held_by_nobody(self, client):
        state = client.get_state()
        assert (state.mode, state.control_holder) == (ArmMode.IDLE, "")

    def test_opening_claims_the_arm_under_the_clients_name(self, client):
        with client.control("ada"):
            state = client.get_state()
        assert (state.mode, state.control_holder) == (ArmMode.HOLDING, "ada")

    def test_second_control_stream_is_refused_with_the_holders_name(self, client):
        with client.control("ada"), pytest.raises(serl_client.ControlHeldError, match="ada") as caught:
            client.control("bob")
        assert caught.value.holder == "ada"

    def test_the_holder_is_not_disturbed_by_a_refused_claim(self, client):
        with client.control("ada") as session:
            with pytest.raises(serl_client.ControlHeldError):
                client.control("bob")
            session.step(home(client), period_s=PERIOD_S)

    def test_closing_frees_the_claim(self, client):
        with client.control("ada"):
            pass
        with client.control("bob") as session:
            assert session.session_number > 0

    def test_session_numbers_rise(self, client):
        numbers = []
        for _ in range(2):
            with client.control("ada") as session:
                numbers.append(session.session_number)
        assert numbers[1] > numbers[0]

    @pytest.mark.parametrize("name", ["", "x" * 129])
    def test_a_client_without_a_proper_name_is_refused(self, target, client, name):
        code, error = refusal(target, open_request(name))
        assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, serl_client.InvalidRequestError)

    def test_first_request_must_be_open(self, target, client):
        code, error = refusal(target, raw_step(1))
        assert (code, type(error)) == (grpc.StatusCode.FAILED_PRECONDITION, serl_client.ModeError)

    def test_open_comes_once(self, target, client):
        _, error = refusal(target, open_request(), open_request(number=2))
        assert type(error) is serl_client.ModeError

    @pytest.mark.parametrize("number", [1, 0, -3])
    def test_sequence_numbers_must_rise(self, target, client, number):
        code, error = refusal(target, open_request(), raw_step(number))
        assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, serl_client.InvalidRequestError)
        assert str(number) in str(error)

    def test_an_empty_request_is_refused(self, target, client):
        _, error = refusal(target, open_request(), request(2))
        assert type(error) is serl_client.InvalidRequestError


class TestStep:
    def test_a_step_moves_towards_its_target(self, client):
        goal = shifted(home(client), y=0.03)
        with client.control("ada") as session:
            for _ in range(25):
                result = session.step(goal, period_s=PERIOD_S)
        assert np.linalg.norm(result.observation.state.tcp_pose.position - goal.position) < 0.01

    def test_the_state_names_the_request_that_took_effect(self, client):
        with client.control("ada") as session:
            result = session.step(home(client), period_s=PERIOD_S)
            state = result.observation.state
            assert (state.applied_sequence_number, state.mode) == (session.sequence_number, ArmMode.CONTROLLED)
            assert state.applied_time_ns == result.applied_time_ns

    def test_a_step_without_target_before_any_target_holds(self, client):
        with client.control("ada") as session:
            result = session.step(period_s=PERIOD_S)
        assert result.applied_target is None
        assert result.observation.state.mode is ArmMode.HOLDING

    def test_steps_are_a_period_apart(self, client):
        with client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)
            times = [session.step(home(client), period_s=PERIOD_S).observation.reference_time_ns for _ in range(10)]
        assert np.median(np.diff(times)) == pytest.approx(PERIOD_S * 1e9, rel=0.25)

    def test_lockstep_advances_time_by_exactly_the_period(self, target, client):
        if not target.is_lockstep:
            pytest.skip("lockstep only")
        with client.control("ada") as session:
            times = [session.step(home(client), period_s=PERIOD_S).observation.reference_time_ns for _ in range(5)]
            overruns = [session.step(home(client), period_s=PERIOD_S).overrun_ns for _ in range(3)]
        assert np.diff(times).tolist() == [round(PERIOD_S * 1e9)] * 4
        assert overruns == [0, 0, 0]

    def test_lockstep_time_stands_still_between_requests(self, target, client):
        if not target.is_lockstep:
            pytest.skip("lockstep only")
        assert client.get_state().monotonic_time_ns == client.get_state().monotonic_time_ns

    @pytest.mark.parametrize("period_s", [0.0, 1e-4, 60.0])
    def test_a_period_outside_its_bounds_is_refused(self, client, period_s):
        with client.control("ada") as session, pytest.raises(serl_client.LimitExceededError, match="period"):
            session.step(home(client), period_s=period_s)

    def test_joint_targets_are_tracked(self, client):
        joints = client.get_state().joint_positions.copy()
        joints[0] += 0.05
        with client.control("ada") as session:
            for _ in range(40):
                result = session.step(JointTarget(positions=joints), period_s=PERIOD_S)
        assert abs(result.observation.state.joint_positions[0] - joints[0]) < 0.02

    def test_the_gripper_goes_where_it_is_told(self, client, until):
        with client.control("ada") as session:
            for _ in range(60):
                result = session.step(home(client), period_s=PERIOD_S, gripper_width=0.03)
        assert result.applied_gripper.width == pytest.approx(0.03)
        assert result.observation.state.gripper.width == pytest.approx(0.03, abs=0.004)

    def test_the_state_has_every_joint(self, client):
        state, count = client.get_state(), client.info.arm.joint_count
        assert state.joint_positions.shape == state.joint_velocities.shape == state.joint_torques.shape == (count,)
        assert state.jacobian.shape == (6, count)
        assert np.linalg.norm(state.tcp_pose.quaternion_xyzw) == pytest.approx(1.0)
        assert state.tcp_pose.quaternion_xyzw[3] >= 0.0


class TestClipAndRefuse:
    def test_a_target_outside_the_workspace_is_clipped_and_reported(self, client):
        limits = client.info.limits
        below = shifted(home(client), z=-5.0)
        with client.control("ada") as session:
            result = session.step(below, period_s=PERIOD_S)
        assert ClipKind.WORKSPACE_POSITION in [clip.kind for clip in result.clips]
        assert result.applied_target.position[2] >= limits.workspace_lower[2]

    def test_a_long_step_is_clipped_from_the_measured_pose(self, client):
        limits, start = client.info.limits, client.get_state().tcp_pose
        far = shifted(start, x=limits.step_translation + 0.05)
        with client.control("ada") as session:
            result = session.step(far, period_s=PERIOD_S)
        moved = np.linalg.norm(result.applied_target.position - start.position)
        assert [clip.kind for clip in result.clips] == [ClipKind.STEP_TRANSLATION]
        assert moved == pytest.approx(limits.step_translation, abs=2e-3)
        assert result.clips[0].excess == pytest.approx(0.05, abs=2e-3)

    def test_a_large_turn_is_clipped_without_wrap(self, client):
        start = client.get_state().tcp_pose
        with client.control("ada") as session:
            result = session.step(rotated_about_z(start, 3.0), period_s=PERIOD_S)
        dot = abs(float(np.dot(result.applied_target.quaternion_xyzw, start.quaternion_xyzw)))
        assert ClipKind.STEP_ROTATION in [clip.kind for clip in result.clips]
        assert 2 * math.acos(min(1.0, dot)) == pytest.approx(client.info.limits.step_rotation, abs=5e-3)

    def test_a_target_inside_every_limit_is_applied_as_asked(self, client):
        goal = shifted(client.get_state().tcp_pose, y=0.01)
        with client.control("ada") as session:
            result = session.step(goal, period_s=PERIOD_S)
        assert result.clips == ()
        assert result.applied_target.position.tolist() == goal.position.tolist()

    def test_a_gripper_width_outside_the_stroke_is_clipped(self, client):
        with client.control("ada") as session:
            result = session.step(period_s=PERIOD_S, gripper_width=1.0)
        assert [clip.kind for clip in result.clips] == [ClipKind.GRIPPER_WIDTH]
        assert result.applied_gripper.width == pytest.approx(client.info.gripper.max_width)

    @pytest.mark.parametrize(
        "pose",
        [
            raw_pose(position=(math.nan, 0.0, 0.25)),
            raw_pose(position=(math.inf, 0.0, 0.25)),
            raw_pose(orientation=(math.nan, 0.0, 0.0, 1.0)),
            raw_pose(orientation=(0.0, 0.0, 0.0, 0.0)),
            raw_pose(orientation=(1.0, 0.1, 0.0, 0.0)),
            geometry_pb2.Pose(position=geometry_pb2.Vector3(x=0.4, z=0.25)),
            geometry_pb2.Pose(orientation=geometry_pb2.Quaternion(x=1.0)),
        ],
        ids=[
            "nan",
            "infinite",
            "nan-quaternion",
            "zero-quaternion",
            "long-quaternion",
            "no-orientation",
            "no-position",
        ],
    )
    def test_a_target_that_no_limit_can_repair_is_refused(self, target, client, pose):
        code, error = refusal(target, open_request(), raw_step(2, tcp_pose=pose))
        assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, serl_client.InvalidTargetError)
        assert client.get_state().control_holder == ""

    def test_joint_targets_of_wrong_length_are_refused(self, target, client):
        joints = control_pb2.JointTarget(positions_rad=[0.0] * 3)
        _, error = refusal(target, open_request(), raw_step(2, joint_positions=joints))
        assert type(error) is serl_client.InvalidTargetError
        assert "3" in str(error)

    def test_an_unknown_camera_is_refused_with_the_list(self, target, client):
        _, error = refusal(target, open_request(), raw_step(2, cameras=["elbow"]))
        assert type(error) is serl_client.NotFoundError
        assert set(error.available) == set(client.info.cameras)


class TestHold:
    def test_the_arm_holds_when_the_stream_ends(self, client, until):
        start = client.get_state().tcp_pose
        with client.control("ada") as session:
            session.step(shifted(start, y=0.08), period_s=PERIOD_S)
        state = until(client, lambda state: state.mode is ArmMode.IDLE)
        with client.control("bob") as session:
            for _ in range(20):
                later = session.step(period_s=PERIOD_S).observation.state
        assert np.linalg.norm(later.tcp_pose.position - state.tcp_pose.position) < 0.015
        assert np.linalg.norm(later.tcp_pose.position - shifted(start, y=0.08).position) > 0.02

    def test_the_arm_holds_when_the_call_is_cancelled(self, client, until):
        session = client.control("ada")
        session.step(home(client), period_s=PERIOD_S)
        session._call.cancel()
        state = until(client, lambda state: state.mode is ArmMode.IDLE)
        assert state.control_holder == ""

    def test_the_arm_holds_when_the_client_is_killed(self, target, client, until):
        script = Path(__file__).with_name("stepping_client.py")
        with subprocess.Popen(
            [sys.executable, str(script), target.address], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout.readline() == "stepping\n"
            assert client.get_state().control_holder == "doomed"
            child.send_signal(signal.SIGKILL)
            child.wait()
            state = until(client, lambda state: state.mode is ArmMode.IDLE)
        assert state.control_holder == ""
        with client.control("heir") as session:
            first = session.opening_observation.state.tcp_pose.position
            for _ in range(10):
                last = session.step(period_s=PERIOD_S).observation.state.tcp_pose.position
        assert np.linalg.norm(last - first) < 0.015

    def test_the_watchdog_holds_when_targets_stop(self, target, client, until):
        if target.is_lockstep:
            pytest.skip("time does not pass between requests")
        with client.control("ada") as session:
            session.step(shifted(home(client), y=0.02), period_s=PERIOD_S)
            state = until(client, lambda state: state.mode is ArmMode.HOLDING)
            assert state.control_holder == "ada"
            result = session.step(home(client), period_s=PERIOD_S)
            assert result.observation.state.mode is ArmMode.CONTROLLED

    def test_lockstep_advertises_no_command_timeout(self, target, client):
        assert (client.info.command_timeout_s == 0.0) == target.is_lockstep


class TestStop:
    def test_stop_ends_the_session_and_latches(self, client):
        session = client.control("ada")
        session.step(home(client), period_s=PERIOD_S)
        state = client.stop("a person came near", client_name="guard")
        assert (state.mode, state.stop_latched, state.control_holder) == (ArmMode.STOPPED, True, "")
        with pytest.raises(serl_client.StopLatchedError, match="guard"):
            session.step(home(client), period_s=PERIOD_S)
        with pytest.raises(serl_client.StopLatchedError) as caught:
            client.control("ada")
        assert caught.value.stopped_by == "guard"

    def test_a_stopped_stream_ends_with_aborted(self, target, client):
        client.stop("drill", client_name="guard")
        code, _ = refusal(target, open_request())
        assert code is grpc.StatusCode.ABORTED

    def test_clearing_the_stop_permits_control_again(self, client):
        client.stop("drill")
        assert client.clear_stop().mode is ArmMode.IDLE
        with client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)

    def test_stop_and_clear_may_be_repeated(self, client):
        client.stop("drill")
        client.stop("drill")
        client.clear_stop()
        assert client.clear_stop().stop_latched is False


class TestFault:
    def test_a_fault_ends_the_stream_until_an_explicit_recovery(self, target, client):
        with client.control("ada") as session:
            session.step(home(client), period_s=PERIOD_S)
            target.inject("contact_reflex")
            with pytest.raises(serl_client.FaultError) as caught:
                session.step(home(client), period_s=PERIOD_S)
        assert caught.value.fault_ids == ("contact_reflex",)
        target.clear()
        assert client.get_state().mode is ArmMode.FAULTED
        with pytest.raises(serl_client.FaultError):
            client.control("ada")
        recovered = client.recover()
        assert [fault.id for fault in recovered.cleared] == ["contact_reflex"]
        assert recovered.remaining == ()
        with client.control("ada") as session:
            assert session.step(home(client), period_s=PERIOD_S).observation.state.mode is ArmMode.CONTROLLED

    def test_a_fault_is_listed_until_cleared_and_afterwards_as_cleared(self, target, client):
        target.inject("contact_reflex")
        assert [fault.id for fault in client.list_faults().active] == ["contact_reflex"]
        target.clear()
        client.recover(["contact_reflex"])
        faults = client.list_faults()
        assert faults.active == ()
        assert faults.cleared[0].id == "contact_reflex"

    def test_recovering_from_an_unknown_fault_is_refused(self, client):
        with pytest.raises(serl_client.NotFoundError, match="flat_tyre"):
            client.recover(["flat_tyre"])

    def test_a_faulted_stream_ends_with_aborted(self, target, client):
        target.inject("contact_reflex")
        code, error = refusal(target, open_request())
        assert (code, type(error)) == (grpc.StatusCode.ABORTED, serl_client.FaultError)


class TestMove:
    def test_a_move_reports_progress_and_arrives(self, client):
        goal, progress = shifted(home(client), y=0.1, z=0.05), []
        with client.control("ada") as session:
            observation = session.move(goal, 0.3, on_progress=progress.append)
        assert np.linalg.norm(observation.state.tcp_pose.position - goal.position) < 0.015
        assert progress[-1].outcome is MotionOutcome.REACHED
        ratios = [item.progress_ratio for item in progress]
        assert len(ratios) >= 3
        assert ratios == sorted(ratios)
        assert progress[0].observation.state.mode is ArmMode.MOVING

    def test_a_joint_move_arrives(self, client):
        joints = client.info.arm.home.copy()
        joints[0] += 0.2
        with client.control("ada") as session:
            observation = session.move(JointTarget(positions=joints), 1.0)
        assert np.abs(observation.state.joint_positions - joints).max() < 0.05

    def test_a_later_request_preempts_a_move(self, client):
        def interrupt(progress):
            raise InterruptedError

        with client.control("ada") as session:
            with pytest.raises(InterruptedError):
                session.move(shifted(home(client), y=0.2), 0.02, on_progress=interrupt)
            result = session.step(period_s=PERIOD_S)
        assert result.observation.state.applied_sequence_number == session.sequence_number
        assert result.observation.state.tcp_pose.position[1] < 0.15

    def test_a_preempted_move_says_so(self, target, client):
        requests = queue.SimpleQueue()
        requests.put(open_request())
        requests.put(request(2, move=control_pb2.Move(tcp_pose=raw_pose((0.4, 0.2, 0.25)), speed_ratio=0.02)))
        outcomes = []
        for response in robot_service_pb2_grpc.RobotServiceStub(target.channel).Control(iter(requests.get, None)):
            if response.HasField("moved"):
                outcomes.append(response.moved.outcome)
                if len(outcomes) == 1:
                    requests.put(raw_step(3))
            if response.HasField("stepped"):
                requests.put(None)
        assert outcomes[-1] == control_pb2.MOTION_OUTCOME_PREEMPTED

    def test_a_goal_outside_the_workspace_is_refused(self, client):
        with client.control("ada") as session, pytest.raises(serl_client.LimitExceededError, match="position"):
            session.move(shifted(home(client), x=3.0))

    def test_joints_outside_their_limits_are_refused(self, client):
        joints = client.info.arm.home.copy()
        joints[1] = 9.0
        with client.control("ada") as session, pytest.raises(serl_client.LimitExceededError, match="positions_rad"):
            session.move(JointTarget(positions=joints))

    def test_a_move_without_goal_is_refused(self, target, client):
        _, error = refusal(target, open_request(), request(2, move=control_pb2.Move()))
        assert type(error) is serl_client.InvalidTargetError

    def test_a_stop_ends_a_move(self, client):
        with client.control("ada") as session, pytest.raises(serl_client.StopLatchedError):
            session.move(shifted(home(client), y=0.2), 0.02, on_progress=lambda _: client.stop("drill"))


class TestReset:
    def test_a_reset_begins_an_episode_at_home(self, client):
        with client.control("ada") as session:
            first = session.reset(speed_ratio=1.0)
            session.step(home(client), period_s=PERIOD_S)
            step = session.step(home(client), period_s=PERIOD_S)
            second = session.reset(speed_ratio=1.0)
        assert step.observation.episode_number == first.episode_number
        assert [first.step_index, step.observation.step_index, second.step_index] == [0, 2, 0]
        assert second.episode_number == first.episode_number + 1
        assert np.linalg.norm(second.state.tcp_pose.position - home(client).position) < 0.015

    def test_a_reset_starts_where_it_is_told(self, client):
        start = shifted(home(client), x=0.05, z=0.05)
        with client.control("ada") as session:
            observation = session.reset(start=start, gripper_width=0.04, speed_ratio=1.0)
        assert np.linalg.norm(observation.state.tcp_pose.position - start.position) < 0.015
        assert observation.state.gripper.width == pytest.approx(0.04, abs=0.004)

    def test_a_kept_scene_is_moved_by_nobody_but_the_arm(self, client):
        with client.control("ada") as session:
            first = session.reset(seed=1, speed_ratio=1.0)
            session.move(shifted(home(client), x=0.05, z=0.05), 1.0)
            second = session.reset(seed=2, keep_scene=True, speed_ratio=1.0)
        assert second.episode_number == first.episode_number + 1
        assert second.step_index == 0
        assert np.linalg.norm(second.state.tcp_pose.position - home(client).position) < 0.015
        assert second.tracked_objects.keys() == first.tracked_objects.keys()
        for name, tracked in second.tracked_objects.items():
            assert np.linalg.norm(tracked.pose.position - first.tracked_objects[name].pose.position) < 2e-3

    def test_a_start_outside_the_workspace_is_refused(self, client):
        with client.control("ada") as session, pytest.raises(serl_client.LimitExceededError):
            session.reset(start=shifted(home(client), z=3.0))


class TestCompliance:
    def test_fields_left_out_keep_their_value(self, client):
        with client.control("ada") as session:
            before = session.compliance
            after = session.set_compliance(Compliance(translational_stiffness=1500.0))
        assert after.translational_stiffness == 1500.0
        assert after.rotational_stiffness == before.rotational_stiffness

    def test_compliance_out_of_range_is_refused_and_nothing_changes(self, client):
        with client.control("ada") as session, pytest.raises(serl_client.LimitExceededError, match="stiffness"):
            session.set_compliance(Compliance(translational_stiffness=9000.0, rotational_stiffness=10.0))
        with client.control("ada") as session:
            assert session.compliance.rotational_stiffness == client.info.default_compliance.rotational_stiffness

    def test_a_clip_of_zero_is_refused(self, client):
        with client.control("ada") as session, pytest.raises(serl_client.LimitExceededError):
            session.set_compliance(Compliance(translational_clip_positive=(0.1, 0.0, 0.1)))

    def test_a_session_starts_with_the_default_compliance(self, client):
        with client.control("ada", Compliance(nullspace_stiffness=5.0)) as session:
            assert session.compliance.nullspace_stiffness == 5.0
        with client.control("ada") as session:
            assert session.compliance == client.info.default_compliance

    def test_the_gripper_can_be_activated_and_the_load_be_set(self, client):
        with client.control("ada") as session:
            session.activate_gripper()
            session.set_load(0.1, (0.0, 0.0, 0.05))

    def test_a_negative_mass_is_refused(self, client):
        with client.control("ada") as session, pytest.raises(serl_client.InvalidRequestError, match="mass"):
            session.set_load(-1.0, (0.0, 0.0, 0.0))


class TestObservation:
    def test_every_sensor_has_an_offset_within_its_tolerance(self, client):
        cameras = list(client.info.cameras)
        with client.control("ada") as session:
            for _ in range(30):  # A machine under load may miss one; it must say so, and then be right again.
                observation = session.step(home(client), period_s=0.05, cameras=cameras).observation
                if observation.synchronized:
                    break
        assert observation.synchronized
        assert list(observation.offsets) == ["arm", "gripper", *(f"camera/{name}" for name in cameras)]
        for offset in observation.offsets.values():
            assert not offset.missing
            assert abs(offset.offset_ns) <= offset.tolerance_ns
        assert list(observation.frames) == cameras

    def test_lockstep_offsets_are_exactly_zero(self, target, client):
        if not target.is_lockstep:
            pytest.skip("lockstep only")
        with client.control("ada") as session:
            observation = session.step(home(client), period_s=PERIOD_S, cameras=list(client.info.cameras)).observation
        assert [offset.offset_ns for offset in observation.offsets.values()] == [0] * len(observation.offsets)
        assert observation.state.monotonic_time_ns == observation.reference_time_ns

    def test_a_lost_camera_is_missing_and_blocks_nobody(self, target, client, until):
        lost, *others = list(client.info.cameras)
        target.inject("camera_dropout", camera=lost)
        if not target.is_lockstep:
            until(client, lambda state: f"camera_lost.{lost}" in [fault.id for fault in state.faults])
        with client.control("ada") as session:
            observation = session.step(home(client), period_s=0.05, cameras=[lost, *others]).observation
        assert observation.offsets[f"camera/{lost}"].missing
        assert not observation.synchronized
        assert list(observation.frames) == others

    def test_a_camera_that_returns_delivers_again(self, target, client, until):
        lost = next(iter(client.info.cameras))
        target.inject("camera_dropout", camera=lost)
        if not target.is_lockstep:
            until(client, lambda state: state.faults != ())
        target.clear()
        if not target.is_lockstep:
            until(client, lambda state: state.faults == ())
        with client.control("ada") as session:
            observation = session.step(home(client), period_s=0.05, cameras=[lost]).observation
        assert list(observation.frames) == [lost]

    def test_no_frame_is_sent_that_was_not_asked_for(self, client):
        with client.control("ada") as session:
            assert session.step(home(client), period_s=PERIOD_S).observation.frames == {}


class TestServer:
    def test_clock_offsets_are_measured(self, client):
        assert client.sync_time(8).round_trip_ns > 0

    def test_too_many_streams_are_refused_and_unary_calls_still_answered(self, client):
        streams = []
        try:
            for _ in range(8):  # The default of `max_streams`.
                streams.append(client.stream_states(50.0))
                next(streams[-1])
            with pytest.raises(serl_client.TooManyStreamsError):
                next(client.stream_states(50.0))
            assert client.get_state().mode is ArmMode.IDLE
        finally:
            for stream in streams:
                stream.close()

    def test_states_stream_in_order(self, client):
        stream = client.stream_states(200.0)
        times = [next(stream).monotonic_time_ns for _ in range(5)]
        stream.close()
        assert times == sorted(times)

    def test_a_wrong_rate_is_refused(self, client):
        with pytest.raises(serl_client.LimitExceededError, match="rate_hz"):
            next(client.stream_states(5000.0))

    def test_health_answers(self, target):
        stub = health_pb2_grpc.HealthStub(target.channel)
        for service in ("", "serl.robot.v1.RobotService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5.0)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def test_reflection_lists_the_services(self, target):
        stub = reflection_pb2_grpc.ServerReflectionStub(target.channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([asked]), timeout=5.0))
        names = {service.name for service in answer.list_services_response.service}
        assert {"serl.robot.v1.RobotService", "serl.robot.v1.CameraService", "grpc.health.v1.Health"} <= names

    def test_a_refusal_carries_exactly_one_error_info(self, target, client):
        stub = robot_service_pb2_grpc.RobotServiceStub(target.channel)
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Control(iter([raw_step(1)]), timeout=5.0))
        (detail,) = rpc_status.from_call(caught.value).details
        info = error_details_pb2.ErrorInfo()
        assert detail.Unpack(info)
        assert (info.domain, info.reason) == ("robot.serl", "WRONG_MODE")


def test_two_clients_see_the_same_boot(target, client):
    with RobotClient(target.address) as other:
        assert other.info.boot_id == client.info.boot_id
