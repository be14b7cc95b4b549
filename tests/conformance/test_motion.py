"""The contract of `Move`, `Reset` and `SetCompliance`."""

import queue

import numpy as np
import pytest
from serl.robot.v1 import control_pb2, robot_service_pb2_grpc

import serl_client
from serl_api.values import ArmMode, Compliance, JointTarget, MotionOutcome
from tests.conformance.asking import PERIOD_S, home, open_request, raw_pose, raw_step, refusal, request, shifted


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

    def test_fingers_let_go_before_the_arm_is_at_its_start(self, target, client):
        requests = queue.SimpleQueue()
        requests.put(open_request())
        requests.put(request(2, move=control_pb2.Move(tcp_pose=raw_pose((0.4, 0.1, 0.25)), speed_ratio=1.0)))
        under_way = []
        for response in robot_service_pb2_grpc.RobotServiceStub(target.channel).Control(iter(requests.get, None)):
            if response.HasField("moved"):
                if response.sequence_number == 3 and response.moved.progress_ratio < 0.9:
                    under_way.append(response.moved.observation.state.gripper.target_width_m)
                if response.moved.outcome == control_pb2.MOTION_OUTCOME_REACHED:
                    requests.put(request(3, reset=control_pb2.Reset(gripper_width_m=0.03, keep_scene=True)))
            if response.HasField("reset_done"):
                requests.put(None)
        assert under_way[-1] == pytest.approx(0.03, abs=0.002)

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
