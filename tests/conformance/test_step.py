"""The contract of `Step`: what is applied, clipped or refused, and what is observed."""

import math

import grpc
import numpy as np
import pytest
from serl.robot.v1 import control_pb2, geometry_pb2

import serl_client
from serl_api.enums import IncrementBase
from serl_api.keep_out import KeepOut
from serl_api.pose_box import PoseBox
from serl_api.pose_increment import PoseIncrement
from serl_api.values import ArmMode, ClipKind, JointTarget
from tests.conformance.asking import PERIOD_S, home, open_request, raw_pose, raw_step, refusal, rotated_about_z, shifted


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

    @pytest.mark.trap
    def test_steps_are_a_period_apart(self, client):
        with client.control("ada") as session:
            results = [session.step(home(client), period_s=0.05) for _ in range(11)]
        # How late it was for a tick, the daemon itself says.
        due = [result.observation.reference_time_ns - result.overrun_ns for result in results]
        assert np.median(np.diff(due)) == pytest.approx(0.05e9, rel=0.25)

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


class TestIncrement:
    def test_it_is_added_to_the_pose_measured_when_it_takes_effect(self, target, client):
        step = PoseIncrement(translation=np.array((0.0, 0.004, 0.0)))
        with client.control("ada") as session:
            observed = session.step(step, period_s=PERIOD_S).observation.state.tcp_pose
            result = session.step(step, period_s=PERIOD_S)
        assert result.clips == ()
        asked = result.applied_target.position - observed.position
        # In real time the arm has moved on since; in lockstep nothing moves between two requests.
        tolerance = 1e-12 if target.is_lockstep else 0.01
        assert asked == pytest.approx(step.translation, abs=tolerance)
        likeness = abs(result.applied_target.quaternion_xyzw @ observed.quaternion_xyzw)  # q and -q are one rotation.
        assert likeness == pytest.approx(1.0, abs=tolerance)

    def test_it_is_added_to_the_pose_targeted_last_if_asked(self, client):
        start = client.get_state().tcp_pose
        step = PoseIncrement(translation=np.array((0.0, 0.002, -0.001)), added_to=IncrementBase.COMMANDED)
        with client.control("ada") as session:
            session.step(start, period_s=PERIOD_S)
            applied = [session.step(step, period_s=PERIOD_S).applied_target for _ in range(5)]
        for count, pose in enumerate(applied, start=1):
            assert pose.position == pytest.approx(start.position + count * step.translation, abs=1e-9)

    def test_the_first_commanded_increment_is_added_to_the_measured_pose(self, client):
        step = PoseIncrement(translation=np.array((0.003, 0.0, 0.0)), added_to=IncrementBase.COMMANDED)
        measured = client.get_state().tcp_pose
        with client.control("ada") as session:
            applied = session.step(step, period_s=PERIOD_S).applied_target
        assert applied.position == pytest.approx(measured.position + step.translation, abs=1e-3)

    def test_its_result_is_bounded_by_its_box_and_by_the_workspace_and_stays_out_of_what_it_is_told(self, client):
        here = client.get_state().tcp_pose
        wall = here.position + np.array((0.0, 0.004, 0.0))
        keep_out = KeepOut(lower=tuple((wall - (0.1, 0.0, 0.1)).tolist()), upper=tuple((wall + 0.1).tolist()))
        box = PoseBox(center=here, lower=(-0.01,) * 3, upper=(0.01,) * 3, rotation=(0.1,) * 3)
        step = PoseIncrement(translation=np.array((0.0, 0.05, 0.0)), box=box)
        against = PoseIncrement(translation=np.array((0.0, 0.05, 0.0)), keep_out=keep_out)
        down = PoseIncrement(translation=np.array((0.0, 0.0, -5.0)))
        with client.control("ada") as session:
            stopped = session.step(against, period_s=PERIOD_S)
            boxed = session.step(step, period_s=PERIOD_S)
            clipped = session.step(down, period_s=PERIOD_S)
        assert stopped.applied_target.position[1] == pytest.approx(wall[1], abs=1e-9)
        assert boxed.clips == ()
        assert boxed.applied_target.position[1] == pytest.approx(here.position[1] + 0.01, abs=1e-9)
        assert ClipKind.WORKSPACE_POSITION in [clip.kind for clip in clipped.clips]

    def test_one_that_no_limit_can_repair_is_refused(self, target):
        broken = control_pb2.PoseIncrement(translation_m=geometry_pb2.Vector3(x=math.nan))
        code, error = refusal(target, open_request(), raw_step(2, pose_increment=broken))
        assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, serl_client.InvalidTargetError)


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


class TestObservation:
    def test_the_newest_state_is_never_older_than_what_belongs_to_the_frames(self, target, client):
        cameras = list(client.info.cameras)
        with client.control("ada") as session:
            plain = session.step(home(client), period_s=0.05).observation
            seeing = session.step(home(client), period_s=0.05, cameras=cameras).observation
        assert plain.newest_state.monotonic_time_ns >= plain.state.monotonic_time_ns
        newest, aligned = seeing.newest_state, seeing.state
        if target.is_lockstep:
            assert newest.monotonic_time_ns == aligned.monotonic_time_ns
        else:
            assert newest.monotonic_time_ns > aligned.monotonic_time_ns
        assert newest.joint_positions.shape == aligned.joint_positions.shape
        assert newest.gripper is not None

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
