import threading

import pytest

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.operations.notify import Notifier
from robot_daemon.operations.service_status import ServiceStatus
from serl_api.values import FullCompliance

pytestmark = pytest.mark.real_time


class HangingArm:
    """Stands in for an arm's `read_state` and hangs when told to, as a lost connection can make a driver do."""

    def __init__(self, arm):
        self._read = arm.read_state
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.hangs = threading.Event()
        arm.read_state = self.read_state

    def read_state(self):
        if not self.may_go_on.is_set():
            self.hangs.set()
            self.may_go_on.wait(10.0)
        return self._read()


@pytest.fixture
def watched(manager):
    """A core whose watchdog has a timeout of 40 ms, so that it is fed each 10 ms."""
    fake = build_fake_cell(cameras=())
    hanging = HangingArm(fake.arm)
    core = DaemonCore(fake.cell, LimitsConfig(), listeners=[ServiceStatus(Notifier(manager.address, 0.04))])
    yield core, fake, hanging
    hanging.may_go_on.set()
    core.close()


def silence(manager):
    """Messages that come within ten watchdog timeouts, after those that wait already."""
    manager.drain()
    manager.socket.settimeout(0.4)
    try:
        return manager.receive()
    except TimeoutError:
        return None
    finally:
        manager.socket.settimeout(5.0)


def test_the_watchdog_is_fed_while_the_sampling_loop_lives(watched, manager):
    assert [manager.receive() for _ in range(3)] == ["WATCHDOG=1"] * 3


def test_the_watchdog_is_fed_a_quarter_of_its_timeout_apart():
    times = iter([0.0, 0.1, 0.9, 1.0, 1.1, 2.0])
    fed = []
    notifier = Notifier(watchdog_s=4.0)
    notifier.alive = lambda: fed.append(True)
    status = ServiceStatus(notifier, now_s=lambda: next(times))
    counts = []
    for _ in range(6):
        status.beat()
        counts.append(len(fed))
    assert counts == [1, 1, 1, 2, 2, 3]


def test_a_silent_arm_does_not_starve_the_watchdog(watched, manager):
    watched[1].arm.set_connected(connected=False)
    manager.drain()
    assert manager.receive() == "WATCHDOG=1"


def test_a_sampling_loop_that_hangs_starves_the_watchdog_until_it_goes_on(watched, manager):
    _, _, hanging = watched
    hanging.may_go_on.clear()
    assert hanging.hangs.wait(20.0)
    assert silence(manager) is None
    hanging.may_go_on.set()
    assert manager.receive() == "WATCHDOG=1"


def test_a_command_that_never_returns_starves_the_watchdog(watched, manager):
    core, _, _ = watched
    with core.lock:
        assert silence(manager) is None
    assert manager.receive() == "WATCHDOG=1"


def test_the_status_says_who_controls_the_arm_and_what_prevents_it(watched, manager):
    core, fake, _ = watched

    def told():
        return [message for message in manager.drain() if message.startswith("STATUS=")]

    session = core.claim("ada", "peer", FullCompliance())
    assert told() == ['STATUS=controlled by "ada"']
    core.release(session)
    core.stop("guard", "smoke")
    assert told() == ["STATUS=idle", 'STATUS=stopped by "guard"']
    core.clear_stop()
    fake.arm.inject_fault("contact_reflex")
    core.active_cell.faults.refresh()
    assert told() == ["STATUS=idle", "STATUS=idle; faults: contact_reflex"]
    core.recover(())
    assert told() == ["STATUS=idle"]
