"""The driver while somebody leads the virtual arm by hand."""

import time

import numpy as np
import pytest

from serl_api.enums import FaultSeverity
from serl_api.values import Pose
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time


def ids(arm):
    return [fault.id for fault in arm.faults()]


def beside(arm, y):
    state = arm.read_state()
    return Pose(state.tcp_pose.position + np.array([0.0, y, 0.0]), state.tcp_pose.quaternion_xyzw)


def test_a_resting_arm_is_led_somewhere_else_and_is_free_when_let_go(fci, arm):
    start = arm.read_state().tcp_pose.position
    fci.inject("guide")
    wait_until(lambda: ids(arm) == ["guiding"])
    (guiding,) = arm.faults()
    assert (guiding.severity, guiding.clearable, guiding.by_hand) == (FaultSeverity.WARNING, False, True)
    fci.inject("wrench", force=(0.0, 15.0, 0.0))
    wait_until(lambda: np.linalg.norm(arm.read_state().tcp_pose.position - start) > 0.05)
    fci.inject("wrench")
    arm.set_target(beside(arm, 0.02))
    time.sleep(0.3)
    assert not fci.state()["in_motion"]
    fci.inject("let_go")
    wait_until(lambda: ids(arm) == [])
    time.sleep(0.3)
    assert not fci.state()["in_motion"], "what was asked for meanwhile is forgotten"
    arm.set_target(beside(arm, 0.0))
    wait_until(lambda: fci.state()["in_motion"])


def test_a_hand_that_ends_a_motion_leaves_the_fault_of_a_user_stop(fci, arm):
    arm.set_target(beside(arm, 0.0))
    wait_until(lambda: fci.state()["in_motion"])
    fci.inject("guide")
    wait_until(lambda: set(ids(arm)) == {"guiding", "user_stop"})
    wait_until(lambda: all(fault.clearable for fault in arm.faults() if fault.id == "user_stop"))
    arm.recover(("guiding", "user_stop"))
    assert set(ids(arm)) == {"guiding", "user_stop"}, "nobody recovers an arm that is still in somebody's hand"
    fci.inject("let_go")
    wait_until(lambda: ids(arm) == ["user_stop"])
    arm.recover(("user_stop",))
    assert ids(arm) == []
