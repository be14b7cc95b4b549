"""Each step of the first hour, with arms that are in order and arms that are not."""

from dataclasses import replace

import numpy as np
import pytest

from robot_daemon.drivers.fake.arm import FakeArm
from robot_daemon.operations.first_hour import connecting, forces, holding, standing, stepping, touching
from robot_daemon.operations.first_hour.bench import StepError
from robot_daemon.operations.first_hour.hands import Deed
from robot_daemon.operations.first_hour.step import Verdict
from serl_api.values import Pose

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    "step",
    [
        connecting.connect_idle,
        standing.null_space_still,
        forces.force_bias,
        forces.payload,
        stepping.ten_millimetres,
        standing.idle,
    ],
)
def test_a_fake_arm_passes_what_needs_no_hand(bench_of, step):
    bench = bench_of()
    outcome = step(bench)
    assert outcome.verdict is Verdict.PASS, outcome.text
    assert outcome.figures
    assert bench.core.session is None, "the arm holds between steps"


def test_a_strangers_arm_is_measured_and_what_it_lacks_is_said(bench_of, own_arm):
    bench = bench_of(own_arm)
    for step in (connecting.connect_idle, standing.null_space_still, stepping.ten_millimetres):
        outcome = step(bench)
        assert outcome.verdict is Verdict.PASS, outcome.text
    for step in (forces.force_bias, forces.payload, touching.reflex_by_hand):
        outcome = step(bench)
        assert outcome.verdict is Verdict.NOT_APPLICABLE
        assert outcome.text == "this arm's driver estimates no external forces"
    assert "counts no success rate" in standing.idle(bench).text


def test_a_joint_that_swings_while_the_pose_is_asked_for_fails(bench_of, monkeypatch):
    follow = FakeArm.set_target

    def swing(arm, target):
        follow(arm, target)
        arm._target = [*arm._target[:6], 0.2]  # The joint that the tool does not feel.

    monkeypatch.setattr(FakeArm, "set_target", swing)
    outcome = standing.null_space_still(bench_of())
    assert outcome.verdict is Verdict.FAIL
    assert outcome.figures["tcp_m"] < 0.002
    assert outcome.figures["joint_rad"] == pytest.approx(0.2, abs=0.01)


def test_a_weight_that_the_arm_was_not_told_of_fails(bench_of):
    bench = bench_of()
    bench.arm.external_wrench = np.array([0.0, 0.0, -9.81, 0.0, 0.0, 0.0])
    outcome = forces.payload(bench)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.figures["payload_error_kg"] == pytest.approx(1.0, abs=1e-3)
    assert "set mass and centre of mass" in outcome.text
    assert forces.force_bias(bench).verdict is Verdict.FAIL


def test_an_arm_outside_its_workspace_is_not_moved(bench_of):
    bench = bench_of(workspace_lower_m=(0.5, -0.3, 0.0))
    before = bench.state().joint_positions
    for step in (standing.null_space_still, stepping.ten_millimetres, holding.hold_on_kill):
        with pytest.raises(StepError, match="outside the workspace"):
            step(bench)
    np.testing.assert_array_equal(bench.state().joint_positions, before)


def test_the_places_of_the_forces_lie_within_the_workspace(bench_of):
    bench = bench_of(workspace_lower_m=(0.38, -0.03, 0.22), workspace_upper_m=(0.42, 0.03, 0.28))
    seen = []
    move = bench.move
    bench.move = lambda session, goal: (seen.append(goal.position), move(session, goal))
    forces.force_bias(bench)
    assert len(seen) == forces.POSES + 1
    assert (np.array(seen) >= (0.38, -0.03, 0.22)).all()
    assert (np.array(seen) <= (0.42, 0.03, 0.28)).all()


@pytest.mark.parametrize("step", [holding.hold_on_kill, holding.hold_on_stop, holding.hold_on_cut])
def test_an_arm_stands_still_after_its_client_was_lost(bench_of, step):
    outcome = step(bench_of())
    assert outcome.verdict is Verdict.PASS, outcome.text
    assert outcome.figures["way_m"] < holding.WAY_M


def test_an_arm_that_goes_on_without_its_client_fails(bench_of, monkeypatch):
    bench = bench_of()
    monkeypatch.setattr(FakeArm, "hold", lambda arm: arm.set_target(Pose(np.array([0.4, 0.3, 0.25]), DOWN)))
    monkeypatch.setattr("robot_daemon.drivers.fake.arm.MAX_SPEED_RAD_PER_S", 0.2)
    monkeypatch.setattr("robot_daemon.drivers.fake.arm._MAX_ERROR", 0.02)
    assert holding.hold_on_kill(bench).verdict is Verdict.FAIL


DOWN = np.array([1.0, 0.0, 0.0, 0.0])


def test_a_push_stops_the_arm_and_recovery_brings_it_back(bench_of, hands):
    bench = bench_of()
    hands.deeds = {Deed.PUSH: lambda: bench.arm.inject_fault("contact_reflex"), Deed.LET_GO: lambda: None}
    outcome = touching.reflex_by_hand(bench)
    assert outcome.verdict is Verdict.PASS
    assert "contact_reflex" in outcome.text
    assert "afterwards recovered" in outcome.text


def test_a_push_that_stops_nothing_fails_and_without_a_hand_there_is_none(bench_of, hands):
    bench = bench_of()
    assert touching.reflex_by_hand(bench).verdict is Verdict.SKIPPED
    hands.deeds = {Deed.PUSH: lambda: None, Deed.LET_GO: lambda: None}
    outcome = touching.reflex_by_hand(bench)
    assert outcome.verdict is Verdict.FAIL
    assert "nothing stopped the arm" in outcome.text


def test_an_arm_whose_stop_is_pressed_must_refuse_control(bench_of, hands):
    bench = bench_of()
    assert connecting.connect_user_stop(bench).verdict is Verdict.SKIPPED
    hands.deeds = {Deed.PRESS_STOP: lambda: None, Deed.RELEASE_STOP: lambda: None}
    outcome = connecting.connect_user_stop(bench)  # The fake arm has no stop, so nothing refuses.
    assert outcome.verdict is Verdict.FAIL
    assert "which it must not be" in outcome.text


@pytest.mark.parametrize(("rate", "verdict"), [(0.97, Verdict.PASS), (0.9, Verdict.FAIL)])
def test_a_control_loop_that_comes_late_fails_the_idle_period(bench_of, monkeypatch, rate, verdict):
    read = FakeArm.read_state
    monkeypatch.setattr(FakeArm, "read_state", lambda arm: replace(read(arm), command_success_rate=rate))
    outcome = standing.idle(bench_of())
    assert outcome.verdict is verdict
    assert outcome.figures["success_rate"] == rate
