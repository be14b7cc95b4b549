"""What the core tells its listeners."""

import threading

import numpy as np
import pytest

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig, SyncConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.events import EventListener, EventListeners
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import ClipKind, Pacing
from serl_api.values import Clip, FullCompliance, GripperTarget, Pose
from serl_client import FaultError, RobotClient
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

TARGET = Pose(np.array([0.42, 0.0, 0.25]), np.array([1.0, 0.0, 0.0, 0.0]))
SECOND = 1_000_000_000


class Ear(EventListener):
    """Remembers what it hears."""

    def __init__(self):
        self.events, self.commands, self.samples, self.beats = [], [], [], 0
        self.is_closed = False
        self.heard = threading.Condition()

    def beat(self):
        self.beats += 1

    def sampled(self, arm, gripper):
        self.samples.append((arm, gripper))

    def commanded(self, command):
        self.commands.append(command)

    def on_event(self, event):
        with self.heard:
            self.events.append(event)
            self.heard.notify_all()

    def recording_of(self, fault):
        return f"/box/{fault.id}.npz"

    def close(self):
        self.is_closed = True

    def names(self):
        return [event.name for event in self.events]

    def wait_for(self, name):
        with self.heard:
            assert self.heard.wait_for(lambda: name in self.names(), 20.0), self.names()
        return next(event for event in reversed(self.events) if event.name == name)


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture(params=[Pacing.LOCKSTEP, Pacing.REAL_TIME], ids=["lockstep", "real-time"])
def fake(request):
    return build_fake_cell(pacing=request.param, rate_hz=100.0)


@pytest.fixture
def core(fake, ear):
    made = DaemonCore(fake.cell, LimitsConfig(), listeners=[ear])
    yield made
    made.close()
    assert ear.is_closed


@pytest.fixture
def lockstep(ear):
    fake = build_fake_cell(pacing=Pacing.LOCKSTEP)
    made = DaemonCore(fake.cell, LimitsConfig(), listeners=[ear])
    yield made
    made.close()


def test_a_session_is_told_from_its_opening_to_its_end(core, ear):
    session = core.claim("ada", "here", FullCompliance())
    session.apply(2, TARGET, GripperTarget(width=0.02), SECOND)
    session.count_step([])
    core.release(session)
    opened, closed = ear.events[0], ear.wait_for("session_closed")
    fields = {"session": 1, "client": "ada", "peer": "here", "session_class": "learner"}
    assert (opened.name, dict(opened.fields)) == ("session_opened", fields)
    assert (closed.fields["reason"], closed.fields["steps"], closed.is_warning) == ("closed", 1, False)
    (command,) = ear.commands
    assert (command.sequence_number, command.target, command.gripper.width) == (2, TARGET, 0.02)


def test_the_reason_of_an_end_is_told(core, ear):
    core.claim("ada", "here", FullCompliance())
    core.stop("guard", "smoke")
    assert ear.names() == ["session_opened", "stop_latched", "session_closed"]
    assert ear.events[2].fields["reason"] == "stop_latched"
    core.stop("other", "")
    core.clear_stop("guard")
    core.clear_stop("guard")
    assert ear.names()[3:] == ["stop_cleared"]


def test_a_fault_is_told_between_the_hold_and_the_end_of_the_session(core, fake, ear):
    core.claim("ada", "here", FullCompliance())
    fake.arm.inject_fault("joint_reflex")
    core.active_cell.faults.refresh()
    raised = ear.wait_for("fault_raised")
    ear.wait_for("session_closed")
    assert ear.names() == ["session_opened", "fault_raised", "session_closed"]
    assert (raised.fields["fault"], raised.fields["severity"], raised.is_warning) == ("joint_reflex", "critical", True)
    core.recover((), "ada")
    assert ear.names()[3:] == ["fault_cleared", "recovered"]
    assert ear.events[4].fields == {"client": "ada", "cleared": "joint_reflex", "remaining": ""}


def test_clips_are_counted_and_told_at_the_first_and_every_ten_seconds(lockstep, ear):
    session = lockstep.claim("ada", "here", FullCompliance())
    clip = Clip(ClipKind.STEP_TRANSLATION, 0.1)
    for _ in range(21):
        session.count_step([clip])
        lockstep.cell.timebase.wait_until(lockstep.cell.timebase.now_ns() + SECOND)
    session.count_step([])
    lockstep.release(session)
    told = [event.fields["clipped_step_translation"] for event in ear.events if event.name == "targets_clipped"]
    assert told == [1, 11, 21]
    assert ear.events[-1].fields["steps"] == 22
    assert ear.events[-1].fields["clipped_step_translation"] == 21


@pytest.fixture
def real_time(ear):
    fake = build_fake_cell(rate_hz=100.0, cameras=("wrist",))
    made = DaemonCore(
        fake.cell, LimitsConfig(command_timeout_s=0.05), sync=SyncConfig(camera_lost_s=0.05), listeners=[ear]
    )
    yield made, fake
    made.close()


def test_a_target_that_expires_is_told(real_time, ear):
    core, _ = real_time
    session = core.claim("ada", "here", FullCompliance())
    session.apply(2, TARGET, None, 0)
    expired = ear.wait_for("target_expired")
    assert (expired.fields["client"], expired.is_warning) == ("ada", True)


def test_a_camera_that_goes_and_comes_is_told(real_time, ear):
    fake = real_time[1]
    fake.cameras["wrist"].is_delivering = False
    assert ear.wait_for("camera_lost").fields["fault"] == "camera_lost.wrist"
    fake.cameras["wrist"].is_delivering = True
    assert ear.wait_for("camera_returned").fields["seconds"] > 0.0
    assert "fault_raised" not in ear.names()


def test_an_arm_that_falls_silent_is_told_once(real_time, ear):
    fake = real_time[1]
    fake.arm.set_connected(connected=False)
    ear.wait_for("arm_silent")
    fake.arm.set_connected(connected=True)
    ear.wait_for("arm_answers")
    assert ear.names().count("arm_silent") == 1


def test_states_come_with_the_gripper_and_each_with_a_beat(real_time, ear):
    wait_until(lambda: len(ear.samples) >= 5)
    assert all(gripper is not None for _, gripper in ear.samples)
    assert ear.beats > 0


def test_a_client_is_told_which_recording_belongs_to_its_fault(ear):
    fake = build_fake_cell(pacing=Pacing.LOCKSTEP)
    server = DaemonServer(
        fake.cell, ServerConfig(address="127.0.0.1:0", drain_grace_s=0.1), LimitsConfig(), listeners=[ear]
    )
    try:
        with RobotClient(server.start()) as robot, robot.control("ada") as session:
            fake.arm.inject_fault("joint_reflex")
            with pytest.raises(FaultError) as caught:
                session.step(period_s=0.1)
            assert caught.value.black_box == "/box/joint_reflex.npz"
            (fault,) = robot.list_faults().active
            assert fault.black_box_path == "/box/joint_reflex.npz"
    finally:
        server.stop()
    assert ear.names()[0] == "daemon_started"
    assert ear.names()[-1] == "daemon_stopped"


def test_without_witnesses_nothing_is_recorded():
    fake = build_fake_cell(pacing=Pacing.LOCKSTEP)
    core = DaemonCore(fake.cell, LimitsConfig())
    fake.arm.inject_fault("joint_reflex")
    core.active_cell.faults.refresh()
    assert core.listener.recording_of(core.active_cell.faults.active[0]) == ""
    core.close()


def test_several_witnesses_hear_the_same():
    ears = [Ear(), Ear()]
    both = EventListeners(ears)
    both.beat()
    both.close()
    assert [(ear.beats, ear.is_closed) for ear in ears] == [(1, True)] * 2
