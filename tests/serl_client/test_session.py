import threading

import numpy as np
import pytest

from robot_daemon.config.cell_config import LimitsConfig
from serl_api.enums import ArmMode, ClipKind, MotionOutcome
from serl_api.errors.robot import (
    ConnectionLostError,
    ControlHeldError,
    DeadlineError,
    FaultError,
    InvalidTargetError,
    LimitExceededError,
    NotEquippedError,
    NotFoundError,
    SessionClosedError,
    StopLatchedError,
)
from serl_api.values import Compliance, GripperTarget, JointTarget, Pose, WrenchTarget
from serl_client import RobotClient

PERIOD_S = 0.02


@pytest.fixture
def session(robot):
    with robot.control("test") as opened:
        opened.reset(seed=0)
        yield opened


def shifted(pose, x=0.0, y=0.0, z=0.0):
    return Pose(pose.position + np.array((x, y, z)), pose.quaternion_xyzw)


def step_until_refused(session):
    for _ in range(100):
        session.step(period_s=PERIOD_S)


def test_a_session_steps_on_either_pacing(daemon):
    with RobotClient(daemon.address) as robot, robot.control("test") as session:
        first = session.step(period_s=PERIOD_S)
        second = session.step(period_s=PERIOD_S)
    elapsed_ns = second.observation.reference_time_ns - first.observation.reference_time_ns
    assert elapsed_ns - second.overrun_ns == pytest.approx(PERIOD_S * 1e9, rel=0.6)


def test_a_pose_target_is_tracked(session):
    start = session.step(period_s=PERIOD_S).observation.state.tcp_pose
    target = shifted(start, x=0.03)
    for _ in range(50):
        result = session.step(target, period_s=PERIOD_S)
    np.testing.assert_allclose(result.observation.state.tcp_pose.position, target.position, atol=1e-3)
    np.testing.assert_allclose(result.applied_target.position, target.position)
    assert result.clips == ()


def test_a_joint_target_is_tracked(session, robot):
    target = robot.info.arm.home + 0.05
    for _ in range(50):
        result = session.step(JointTarget(target), period_s=PERIOD_S)
    np.testing.assert_allclose(result.observation.state.joint_positions, target, atol=1e-2)


def test_a_wrench_target_is_accepted_where_the_cell_allows_it_and_nowhere_else(session, start_daemon):
    push = WrenchTarget(np.array((1.0, 0, 0, 0, 0, 0)))
    with pytest.raises(NotEquippedError, match="wrench control is off in this cell"):
        session.step(push, period_s=PERIOD_S)
    daemon = start_daemon(limits=LimitsConfig(wrench_control=True))
    with RobotClient(daemon.address) as robot, robot.control("ada") as allowed:
        result = allowed.step(push, period_s=PERIOD_S)
    np.testing.assert_allclose(result.applied_target.wrench, (1.0, 0, 0, 0, 0, 0))


def test_the_gripper_takes_a_width_or_a_full_target(session):
    assert session.step(period_s=PERIOD_S, gripper_width=0.02).applied_gripper.width == pytest.approx(0.02)
    result = session.step(period_s=PERIOD_S, gripper_width=GripperTarget(width=5.0))
    assert [clip.kind for clip in result.clips] == [ClipKind.GRIPPER_WIDTH]
    assert session.step(period_s=PERIOD_S).applied_gripper is None


def test_frames_come_with_a_step_when_asked_for(session):
    observation = session.step(period_s=PERIOD_S, cameras=("wrist", "front")).observation
    assert list(observation.frames) == ["wrist", "front"]
    assert observation.frames["front"].rgb.shape == (128, 128, 3)
    assert "camera/wrist" in observation.offsets
    assert session.step(period_s=PERIOD_S).observation.frames == {}


def test_requests_are_numbered_and_reflected(session):
    result = session.step(period_s=PERIOD_S)
    assert result.observation.state.applied_sequence_number == session.sequence_number
    assert result.observation.step_index == 1


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (Pose(np.array((np.nan, 0.0, 0.3)), np.array((1.0, 0.0, 0.0, 0.0))), InvalidTargetError),
        (Pose(np.array((0.4, 0.0, 0.3)), np.array((1.0, 1.0, 0.0, 0.0))), InvalidTargetError),
        (JointTarget(np.zeros(3)), InvalidTargetError),
    ],
    ids=["nan", "no unit quaternion", "length"],
)
def test_a_refused_target_raises_and_closes_the_session(session, robot, target, error):
    with pytest.raises(error):
        session.step(target, period_s=PERIOD_S)
    assert session.is_closed
    with pytest.raises(SessionClosedError):
        session.step(period_s=PERIOD_S)
    robot.control("next").close()


def test_what_cannot_be_encoded_is_refused_and_the_session_goes_on(session):
    with pytest.raises(ValueError, match="shape"):
        session.step(Pose(np.zeros(2), np.zeros(4)), period_s=PERIOD_S)
    with pytest.raises(ValueError, match="finite"):
        session.step(period_s=float("nan"))
    assert session.step(period_s=PERIOD_S).overrun_ns == 0


def test_a_period_outside_its_limits_is_refused(session):
    with pytest.raises(LimitExceededError, match="period"):
        session.step(period_s=100.0)


def test_an_unknown_camera_lists_the_known_ones(session):
    with pytest.raises(NotFoundError) as caught:
        session.step(period_s=PERIOD_S, cameras=("side",))
    assert set(caught.value.available) == {"front", "wrist"}


def test_a_second_session_is_refused_with_the_holders_name(session, robot):
    with pytest.raises(ControlHeldError) as caught:
        robot.control("other")
    assert caught.value.holder == "test"
    session.step(period_s=PERIOD_S)


def test_the_claim_is_free_when_the_session_is_left(robot):
    for _ in range(20):
        with robot.control("again") as session:
            session.step(period_s=PERIOD_S)
    assert robot.get_state().control_holder == ""


def test_the_claim_is_free_after_an_exception_in_the_block(robot):
    with pytest.raises(KeyboardInterrupt), robot.control("interrupted"):
        raise KeyboardInterrupt
    assert robot.get_state().mode is ArmMode.IDLE


def test_closing_twice_is_harmless(robot):
    session = robot.control("twice")
    session.close()
    session.close()
    assert session.is_closed


def test_stop_ends_the_session_until_it_is_cleared(session, robot):
    robot.stop("test", client_name="bob")
    with pytest.raises(StopLatchedError) as caught:
        session.step(period_s=PERIOD_S)
    assert caught.value.stopped_by == "bob"
    with pytest.raises(StopLatchedError):
        robot.control("too early")
    assert not robot.clear_stop().stop_latched
    robot.control("now").close()


@pytest.mark.trap
def test_a_fault_ends_the_session_until_recovery(session, robot, lockstep_daemon):
    lockstep_daemon.fake.arm.inject_fault("contact_reflex")
    with pytest.raises(FaultError) as caught:
        step_until_refused(session)
    assert caught.value.fault_ids == ("contact_reflex",)
    assert [fault.id for fault in robot.list_faults().active] == ["contact_reflex"]
    assert [fault.id for fault in robot.recover().cleared] == ["contact_reflex"]
    robot.control("recovered").close()


def test_move_reports_progress_and_arrives(session):
    start = session.step(period_s=PERIOD_S).observation.state.tcp_pose
    goal = shifted(start, y=0.1)
    seen = []
    observation = session.move(goal, 0.5, on_progress=seen.append)
    np.testing.assert_allclose(observation.state.tcp_pose.position, goal.position, atol=2e-2)
    assert seen[-1].outcome is MotionOutcome.REACHED
    ratios = [progress.progress_ratio for progress in seen]
    assert ratios == sorted(ratios)


def test_a_move_outside_the_workspace_is_refused(session):
    with pytest.raises(LimitExceededError, match="workspace"):
        session.move(Pose(np.array((5.0, 0.0, 0.3)), np.array((1.0, 0.0, 0.0, 0.0))))


def test_a_wrench_is_no_goal(session):
    with pytest.raises(TypeError, match="wrench"):
        session.move(WrenchTarget(np.zeros(6)))


class GivenUpError(Exception):
    pass


def test_an_interrupted_move_is_preempted_by_the_next_step(daemon):
    with RobotClient(daemon.address) as robot, robot.control("test") as session:

        def give_up(progress):
            raise GivenUpError

        goal = shifted(session.opening_observation.state.tcp_pose, y=0.2)
        with pytest.raises(GivenUpError):
            session.move(goal, 0.1, on_progress=give_up)
        target = session.opening_observation.state.tcp_pose
        observation = session.step(target, period_s=PERIOD_S).observation
        assert observation.state.mode is ArmMode.CONTROLLED
        assert observation.state.applied_sequence_number == session.sequence_number


def test_reset_begins_an_episode(session):
    session.step(period_s=PERIOD_S)
    first = session.reset(cameras=("front",), gripper_width=0.03)
    assert first.step_index == 0
    assert list(first.frames) == ["front"]
    again = session.reset()
    assert again.episode_number == first.episode_number + 1


def test_compliance_is_changed_in_part(session):
    before = session.compliance
    after = session.set_compliance(Compliance(translational_stiffness=500.0))
    assert after.translational_stiffness == 500.0
    assert after.rotational_stiffness == before.rotational_stiffness
    with pytest.raises(LimitExceededError, match="stiffness"):
        session.set_compliance(Compliance(translational_stiffness=1e6))


def test_a_session_opens_with_the_compliance_asked_for(robot):
    with robot.control("soft", Compliance(translational_stiffness=300.0)) as session:
        assert session.compliance.translational_stiffness == 300.0


def test_load_and_activation_are_accepted(session):
    session.set_load(0.5, (0.0, 0.0, 0.05), inertia=np.eye(3) * 1e-3)
    session.activate_gripper()


def test_a_daemon_that_goes_away_ends_the_session(start_daemon):
    daemon = start_daemon()
    with RobotClient(daemon.address) as robot:
        session = robot.control("test")
        daemon.stop()
        with pytest.raises((ConnectionLostError, SessionClosedError)):
            step_until_refused(session)
        session.close()


def test_a_daemon_that_says_nothing_ends_the_wait(silent_daemon):
    with RobotClient(silent_daemon, timeout_s=0.2) as robot, pytest.raises(DeadlineError, match="no answer"):
        robot.control("test")


@pytest.fixture
def silent_daemon():
    """A daemon that describes itself and then never answers a control request."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

    released = threading.Event()

    class Silent(robot_service_pb2_grpc.RobotServiceServicer):
        def GetInfo(self, request, context):  # noqa: N802
            return robot_service_pb2.GetInfoResponse()

        def Control(self, request_iterator, context):  # noqa: N802
            released.wait(10.0)
            yield from ()

    server = grpc.server(ThreadPoolExecutor(4))
    robot_service_pb2_grpc.add_RobotServiceServicer_to_server(Silent(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    released.set()
    server.stop(0.1).wait()
