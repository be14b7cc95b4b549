"""States without an arm, and virtual arms that the real libfranka connects to."""

import logging
import os

import numpy as np
import pytest

from robot_daemon.drivers.franka import FrankaArm, FrankaOptions
from robot_daemon.hardware.devices import ArmSample
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import Pose
from simulator.model.arm_table import FR3
from simulator.virtual.fci import VirtualFciProcess
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)


@pytest.fixture(scope="session")
def make_state():
    """States with a Jacobian of full rank; keywords replace fields."""

    def make(**fields):
        rng = np.random.default_rng(7)
        jacobian = np.hstack([np.eye(6), np.zeros((6, 1))]) * 0.4 + 0.05 * rng.standard_normal((6, 7))
        known = {
            "time_ns": 0,
            "joint_positions": np.array(FR3.home),
            "joint_velocities": np.zeros(7),
            "joint_torques": np.zeros(7),
            "external_joint_torques": np.zeros(7),
            "tcp_pose": Pose(np.array([0.4, 0.0, 0.25]), np.array([1.0, 0.0, 0.0, 0.0])),
            "tcp_twist": np.zeros(6),
            "external_wrench": np.zeros(6),
            "jacobian": jacobian,
        }
        if "joint_velocities" in fields:
            known["tcp_twist"] = jacobian @ fields["joint_velocities"]
        return ArmSample(**(known | fields))

    return make


def allowed_priority():
    """Real-time priority for the virtual arm where this user may have it: busy neighbours then do not delay it."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except PermissionError:
        return 0
    os.sched_setscheduler(0, *before)
    return 50


@pytest.fixture(scope="session")
def virtual_arm():
    """Starts virtual arms that forgive commands which come late: the machine may be busy."""

    def build(**options):
        return VirtualFciProcess(
            **({"arm": "fr3", "lost_packet_limit": 2000, "priority": allowed_priority()} | options)
        )

    return build


@pytest.fixture(scope="session")
def fci(virtual_arm):
    """A virtual FR3 without a tool."""
    with virtual_arm() as process:
        yield process


@pytest.fixture
def connect(fci):
    """Connects to the virtual arm, which stands at home; everything is closed in the end."""
    arms = []
    fci.inject("place", positions=list(FR3.home))

    def build(**options):
        arms.append(FrankaArm(FrankaOptions(**({"host": fci.host, "realtime": "prefer"} | options)), RealTimebase()))
        wait_until(lambda: is_answering(arms[-1]))
        return arms[-1]

    yield build
    fci.clear()
    for arm in arms:
        if arm.faults():
            logger.info("faults at the end of the test: %s", [fault.text for fault in arm.faults()])
            wait_until(lambda arm=arm: all(fault.clearable for fault in arm.faults()))
            arm.recover(tuple(fault.id for fault in arm.faults()))
        arm.close()
    wait_until(lambda: fci.state()["robot_mode"] == "IDLE")


@pytest.fixture
def arm(connect):
    return connect()


def is_answering(arm):
    try:
        arm.read_state()
    except DeviceUnavailableError:
        return False
    return True
