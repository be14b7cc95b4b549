import threading

import numpy as np
import pytest

from robot_daemon.control.session import ControlSession, Watchdog
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import Pacing
from serl_api.errors.robot import DaemonError, DrainingError
from serl_api.values import FullCompliance, Load, Pose, WrenchTarget
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

MS = 1_000_000


def session_of(pacing=Pacing.LOCKSTEP, timeout_ns=0, wrench_timeout_ns=None):
    fake = build_fake_cell(pacing=pacing, cameras=())
    session = ControlSession(
        number=1,
        client_name="ada",
        peer="here",
        cell=fake.cell,
        compliance=FullCompliance(),
        command_timeout_ns=timeout_ns,
        wrench_timeout_ns=wrench_timeout_ns,
        lock=threading.RLock(),
    )
    return fake, session


def test_the_first_step_anchors_the_grid():
    _, session = session_of(Pacing.REAL_TIME)
    assert session.schedule_tick(1000, 100 * MS) == (1000 + 100 * MS, 1000 + 100 * MS)


def test_ticks_lie_on_the_grid_whenever_the_request_comes():
    _, session = session_of(Pacing.REAL_TIME)
    ticks = [session.schedule_tick(now * MS, 100 * MS)[0] for now in (0, 130, 205, 399)]
    assert ticks == [100 * MS, 200 * MS, 300 * MS, 400 * MS]


def test_a_late_request_anchors_the_grid_anew_and_gets_a_whole_period():
    _, session = session_of(Pacing.REAL_TIME)
    session.schedule_tick(0, 100 * MS)
    assert session.schedule_tick(250 * MS, 100 * MS) == (350 * MS, 200 * MS)
    assert session.schedule_tick(360 * MS, 100 * MS)[0] == 450 * MS


def test_leaving_the_grid_forgets_the_anchor():
    _, session = session_of(Pacing.REAL_TIME)
    session.schedule_tick(0, 100 * MS)
    session.leave_grid()
    assert session.schedule_tick(990 * MS, 100 * MS) == (1090 * MS, 1090 * MS)


def test_in_lockstep_the_tick_is_a_period_from_now_and_never_late():
    fake, session = session_of()
    fake.cell.timebase.wait_until(5000 * MS)
    assert session.schedule_tick(5000 * MS, 100 * MS)[0] == 5100 * MS
    assert session.overrun_ns(0) == 0


def test_after_the_end_nothing_is_sent():
    fake, session = session_of()
    session.end(DrainingError())
    holds = fake.arm.hold_count
    with pytest.raises(DrainingError):
        session.apply(1, None, None, 0)
    with pytest.raises(DrainingError):
        session.set_compliance(FullCompliance(nullspace_stiffness=1.0))
    session.hold()
    assert fake.arm.hold_count == holds
    assert fake.arm.compliance == FullCompliance()


def test_an_end_without_reason_still_refuses():
    _, session = session_of()
    session.end(None)
    with pytest.raises(DaemonError):
        session.require_open()


def test_an_expired_target_makes_the_arm_hold():
    fake, session = session_of(Pacing.REAL_TIME, timeout_ns=20 * MS)
    holds = fake.arm.hold_count
    home = fake.arm.info
    target = Pose(home.home_tcp_pose.position + np.array([0.0, 0.05, 0.0]), home.home_tcp_pose.quaternion_xyzw)
    session.apply(1, target, None, 10 * MS)
    wait_until(lambda: fake.arm.hold_count > holds)
    assert not session.is_tracking
    session.require_open()
    session.end(None)


def test_a_wrench_expires_sooner_than_a_pose():
    fake, session = session_of(Pacing.REAL_TIME, timeout_ns=3_600_000 * MS, wrench_timeout_ns=20 * MS)
    holds = fake.arm.hold_count
    session.apply(1, WrenchTarget(wrench=np.array([5.0, 0, 0, 0, 0, 0])), None, 10 * MS)
    wait_until(lambda: fake.arm.hold_count > holds)
    assert not session.is_tracking
    session.end(None)


def test_a_load_lasts_as_long_as_its_session():
    fake, session = session_of()
    session.set_load(Load(mass=1.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
    assert fake.arm.load.mass == 1.0
    session.end(None)
    assert fake.arm.load is None
    with pytest.raises(DaemonError):
        session.set_load(Load(mass=1.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))


def test_the_watchdog_calls_back_once_its_deadline_has_passed():
    now_ns = [0]
    expired = threading.Event()
    watchdog = Watchdog(lambda: now_ns[0], lambda: (expired.set(), watchdog.rest()))
    now_ns[0] = 100
    watchdog.feed(100)
    assert expired.wait(20.0)
    watchdog.close()


def test_the_watchdog_waits_while_it_is_not_fed():
    expired = threading.Event()
    watchdog = Watchdog(lambda: 10**12, expired.set)
    assert not expired.is_set()
    watchdog.close()
    assert not expired.is_set()


def test_an_arm_that_can_be_paced_hears_when_the_next_target_is_due():
    fake, _ = session_of()
    paces = []
    fake.arm.set_pace = paces.append
    paced = ControlSession(
        number=2,
        client_name="ada",
        peer="here",
        cell=fake.cell,
        compliance=FullCompliance(),
        command_timeout_ns=0,
        lock=threading.RLock(),
    )
    paced.apply(1, fake.arm.info.home_tcp_pose, None, 50 * MS)
    assert paces == [pytest.approx(0.05)]
