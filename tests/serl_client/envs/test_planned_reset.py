"""Resets as tasks plan them, on a fake arm whose tool may be caught in a socket."""

from dataclasses import astuple
from types import SimpleNamespace

import numpy as np
import pytest

from serl_api.errors.robot import StopLatchedError
from serl_api.values import Compliance, FullCompliance, GripperTarget, JointTarget, Pose
from serl_client.envs.env_link import EnvLink
from serl_client.envs.episode_start import EpisodeStart
from serl_client.envs.reset_plan import RESET_COMPLIANCE, ResetPlan, Retreat
from serl_client.envs.task import Task
from serl_client.errors import MotionFailedError
from serl_client.robot import RobotClient
from serl_client.session import ControlSession

DOWN = np.array((1.0, 0.0, 0.0, 0.0))
START = Pose(np.array((0.45, 0.1, 0.3)), DOWN)
BOTTOM = (0.5, 0.0, 0.05)
SOFT = Compliance(translational_stiffness=1500.0, translational_clip_positive=(0.003, 0.003, 0.01))
UP = Retreat(offset=(0.0, 0.0, 0.08), speed_ratio=1.0)
ASIDE = Retreat(offset=(0.08, 0.0, 0.0), speed_ratio=1.0)
OPEN = 0.085


class Socket:
    """Lets a fake arm leave `BOTTOM` up one axis alone until it is 3 cm out; writes down what reaches the devices."""

    def __init__(self, daemon, axis=2):
        self.said = []
        """Compliances, targets of arm and fingers, words of hooks, in order."""
        self.holds_tool = True
        self._arm, self._axis = daemon.fake.arm, axis
        self._follow = self._arm.set_target
        self._arm.set_target = self._set_target
        self._write(self._arm, "set_compliance")
        self._write(daemon.fake.gripper, "set_target")

    def compliances(self):
        return [item for item in self.said if isinstance(item, FullCompliance)]

    def poses(self):
        return np.array([item.position for item in self.said if isinstance(item, Pose)])

    def joints(self):
        return [item for item in self.said if isinstance(item, JointTarget)]

    def fingers(self):
        """Openings that were asked for, and where the TCP was then."""
        return [item for item in self.said if isinstance(item, tuple)]

    def _set_target(self, target):
        self.said.append(target)
        position = self._arm.read_state().tcp_pose.position
        aside = np.delete(position - BOTTOM, self._axis)
        is_inside = np.abs(aside).max() < 0.005 and position[self._axis] - BOTTOM[self._axis] < 0.03
        if self.holds_tool and isinstance(target, Pose) and is_inside:
            inside = np.array(BOTTOM)
            inside[self._axis] = max(BOTTOM[self._axis], target.position[self._axis])
            target = Pose(inside, target.quaternion_xyzw)
        self._follow(target)

    def _write(self, device, name):
        original = getattr(device, name)

        def written(value):
            here = tuple(np.round(self._arm.read_state().tcp_pose.position, 3).tolist())
            self.said.append((value.width, here) if isinstance(value, GripperTarget) else value)
            original(value)

        setattr(device, name, written)


@pytest.fixture
def insert(lockstep_daemon):
    """Makes an environment's episodes of a plan; each starts with the tool in the socket and held fingers."""
    links = []

    def build(plan, axis=2, **values):
        task = Task(name="plug", start=START, compliance=SOFT, reset_plan=plan, **values)
        link = EnvLink(task, address=lockstep_daemon.address, token=None, tls_root=None, client_name="test")
        links.append(link)
        session = link.open_session()
        session.move(Pose(np.array(BOTTOM), DOWN), 1.0, gripper_width=0.02)
        socket = Socket(lockstep_daemon, axis)
        session.step(Pose(np.array((0.48, 0.02, 0.03)), DOWN), period_s=0.1)  # It presses against wall and floor.
        socket.said.clear()
        start = EpisodeStart(task, link, lambda observation: False)
        return SimpleNamespace(
            reset=lambda: start.begin({}, lambda: 7)[0],
            socket=socket,
            link=link,
            session=session,
            put_back=lambda: session.move(Pose(np.array(BOTTOM), DOWN), 1.0),
        )

    yield build
    for link in links:
        link.close()


def test_the_tool_goes_out_first_then_the_fingers_open_then_it_goes_to_the_start(insert):
    episode = insert(ResetPlan(retreats=(UP,)))
    observation = episode.reset()
    np.testing.assert_allclose(observation.state.tcp_pose.position, START.position, atol=0.01)
    assert observation.state.gripper.width == pytest.approx(OPEN, abs=1e-3)
    opening, where = episode.socket.fingers()[0]
    assert opening == pytest.approx(OPEN)
    assert where[2] > BOTTOM[2] + 0.07
    poses = episode.socket.poses()
    inside = poses[poses[:, 2] < BOTTOM[2] + 0.03]
    assert len(inside) > 3
    assert np.abs(inside[:, :2] - BOTTOM[:2]).max() < 1e-3


def test_without_a_retreat_a_tool_in_a_socket_stays_there(insert):
    episode = insert(ResetPlan(retreats=(), attempts=1), axis=0)
    with pytest.raises(MotionFailedError, match="way to the start"):
        episode.reset()


def test_a_task_that_says_nothing_goes_back_along_its_tool(insert):
    episode = insert(ResetPlan())
    np.testing.assert_allclose(episode.reset().state.tcp_pose.position, START.position, atol=0.01)
    assert episode.socket.fingers()[0][1] == pytest.approx((*BOTTOM[:2], BOTTOM[2] + 0.05), abs=0.011)


def test_fingers_that_hold_what_should_stay_open_first(insert):
    episode = insert(ResetPlan(retreats=(UP,), gripper_first=True), start_gripper_width=0.06)
    observation = episode.reset()
    opening, where = episode.socket.fingers()[0]
    assert (opening, where) == (0.06, pytest.approx(BOTTOM, abs=0.011))
    assert observation.state.gripper.width == pytest.approx(0.06, abs=1e-3)
    widths = {width for width, _ in episode.socket.fingers()}
    assert widths == {0.06}


def test_the_arm_is_stiffer_until_the_episode_begins(insert):
    episode = insert(ResetPlan(retreats=(UP,)))
    before = episode.session.compliance
    episode.reset()
    during, after = episode.socket.compliances()
    assert astuple(after) == astuple(before) == astuple(episode.session.compliance)
    assert after.translational_clip_positive == SOFT.translational_clip_positive
    for name in ("translational_stiffness", "translational_clip_positive", "rotational_stiffness"):
        assert getattr(during, name) == getattr(RESET_COMPLIANCE, name)
    said = episode.socket.said
    assert isinstance(said[0], Pose)  # The spring is released before it is made stiffer.
    np.testing.assert_allclose(said[0].position, BOTTOM, atol=0.011)
    assert said.index(during) < said.index(after) == len(said) - 1


def test_a_plan_may_keep_the_compliance(insert):
    episode = insert(ResetPlan(retreats=(UP,), compliance=None))
    episode.reset()
    assert episode.socket.compliances() == []
    assert episode.session.compliance.translational_stiffness == SOFT.translational_stiffness


def test_every_second_reset_goes_through_home_in_joint_space(insert, lockstep_daemon):
    episode = insert(ResetPlan(retreats=(UP,), joint_reset_interval=2))
    home = lockstep_daemon.fake.arm.info.home
    through_home = []
    for _ in range(4):
        episode.put_back()
        episode.socket.said.clear()
        episode.reset()
        joints = episode.socket.joints()
        through_home.append(bool(joints) and bool(np.allclose(joints[-1].positions, home)))
    assert through_home == [False, True, False, True]


def test_a_failed_attempt_is_followed_by_another_retreat(insert, caplog):
    episode = insert(ResetPlan(retreats=(UP, ASIDE), attempts=2), axis=0)
    np.testing.assert_allclose(episode.reset().state.tcp_pose.position, START.position, atol=0.01)
    assert "attempt 1 of 2 to reset failed in the retreat by 0.08 m towards (0, 0, 1) of base" in caplog.text


def test_after_the_last_attempt_one_sentence_says_phase_place_and_what_to_do(insert):
    episode = insert(ResetPlan(retreats=(UP,), attempts=2), axis=0)
    with pytest.raises(MotionFailedError) as caught:
        episode.reset()
    text = str(caught.value)
    phase = "the reset failed in its retreat by 0.08 m towards (0, 0, 1) of base, the last of 2 attempts: "
    assert text.startswith(phase + "the arm stopped 0.08")
    assert "the arm holds with its TCP at (0.50" in text
    assert text.endswith(": free by hand what the tool is caught in, or plan another retreat")
    assert episode.session.compliance.translational_stiffness == SOFT.translational_stiffness
    assert len(episode.socket.compliances()) == 2
    episode.socket.holds_tool = False
    np.testing.assert_allclose(episode.reset().state.tcp_pose.position, START.position, atol=0.01)


def test_a_start_that_cannot_be_reached_is_named(insert, lockstep_daemon):
    episode = insert(ResetPlan(retreats=(UP,), attempts=1))
    follow = lockstep_daemon.fake.arm.set_target

    def stop_at_a_wall(target):
        if not isinstance(target, Pose) or target.position[1] < 0.05:
            follow(target)

    lockstep_daemon.fake.arm.set_target = stop_at_a_wall
    with pytest.raises(
        MotionFailedError, match=r"failed in its way to the start, once: .* clear the way from there to"
    ):
        episode.reset()


class TestHook:
    def test_it_drives_the_session_after_the_retreat_with_fingers_as_they_are(self, insert, lockstep_daemon):
        places = []

        def put_down(session):
            assert isinstance(session, ControlSession)
            state = session.step(period_s=0.1).observation.state
            places.append((state.tcp_pose.position[2], state.gripper.width))
            session.move(Pose(np.array((0.6, -0.1, 0.2)), DOWN), 1.0, gripper_width=0.07)

        episode = insert(ResetPlan(retreats=(UP,), hook=put_down))
        observation = episode.reset()
        height, width = places[0]
        assert height == pytest.approx(BOTTOM[2] + 0.08, abs=0.011)
        assert width == pytest.approx(0.02, abs=1e-3)
        assert episode.socket.poses()[:, 1].min() == pytest.approx(-0.1)
        np.testing.assert_allclose(observation.state.tcp_pose.position, START.position, atol=0.01)
        assert observation.state.gripper.width == pytest.approx(OPEN, abs=1e-3)

    def test_it_is_called_again_where_its_motion_failed_and_not_where_another_did(self, insert, lockstep_daemon):
        calls, arm = [], lockstep_daemon.fake.arm
        episode = insert(ResetPlan(retreats=(), attempts=3, hook=lambda session: put_down()))
        episode.socket.holds_tool = False
        follow, hold = arm.set_target, arm.hold

        def put_down():
            calls.append(1)
            if len(calls) == 1:
                raise MotionFailedError("the arm stopped 0.1 m from the goal; look")
            arm.set_target = lambda target: None  # Nothing moves until the daemon gives up.
            arm.hold = lambda: (setattr(arm, "set_target", follow), hold())

        np.testing.assert_allclose(episode.reset().state.tcp_pose.position, START.position, atol=0.01)
        assert len(calls) == 2

    def test_what_it_raises_passes_and_the_compliance_comes_back(self, insert):
        def look(session):
            raise LookupError("no cube in sight")

        episode = insert(ResetPlan(retreats=(UP,), hook=look))
        with pytest.raises(LookupError, match="no cube in sight"):
            episode.reset()
        assert episode.session.compliance.translational_stiffness == SOFT.translational_stiffness
        assert not episode.session.is_closed

    def test_its_failure_is_named(self, insert):
        def fail(session):
            raise MotionFailedError("the arm stopped 0.1 m from the goal; look")

        episode = insert(ResetPlan(retreats=(UP,), hook=fail, attempts=1))
        with pytest.raises(
            MotionFailedError, match=r"in its hook, once: the arm stopped 0\.1 m from the goal; the arm"
        ):
            episode.reset()


def test_a_stop_ends_it_at_once(insert, lockstep_daemon):
    calls = []

    def stop(session):
        calls.append(1)
        with RobotClient(lockstep_daemon.address) as robot:
            robot.stop("drill")

    episode = insert(ResetPlan(retreats=(UP,), hook=stop))
    with pytest.raises(StopLatchedError):
        episode.reset()
    assert len(calls) == 1


def test_fingers_that_are_stuck_hold_up_nobody(insert, lockstep_daemon):
    episode = insert(ResetPlan(retreats=(UP,)))
    lockstep_daemon.fake.gripper.is_jammed = True
    np.testing.assert_allclose(episode.reset().state.tcp_pose.position, START.position, atol=0.01)
