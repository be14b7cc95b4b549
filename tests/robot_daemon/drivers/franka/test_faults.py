from itertools import count
from types import SimpleNamespace

import franky
import pytest

from robot_daemon.drivers.franka.faults import (
    ERROR_NAMES,
    ERROR_TEXTS,
    Condition,
    FaultMemory,
    condition_of,
    errors_as_faults,
)
from serl_api.enums import FaultSeverity, FaultSource

pytestmark = pytest.mark.real_time


def errors(*names):
    return SimpleNamespace(**{name: name in names for name in ERROR_NAMES})


def state(mode, current=(), last=()):
    return SimpleNamespace(robot_mode=mode, current_errors=errors(*current), last_motion_errors=errors(*last))


@pytest.fixture
def stops():
    return []


@pytest.fixture
def memory(stops):
    clock = count(100)
    return FaultMemory(lambda: next(clock), lambda: stops.append(True))


class TestConditions:
    def test_libfranka_knows_41_errors_and_every_text_belongs_to_one(self):
        assert len(ERROR_NAMES) == 41
        assert set(ERROR_TEXTS) <= set(ERROR_NAMES)

    @pytest.mark.parametrize("mode", [franky.RobotMode.Idle, franky.RobotMode.Move])
    def test_an_arm_that_works_has_no_fault(self, mode):
        assert condition_of(state(mode, last=["joint_reflex"])).faults == {}

    @pytest.mark.parametrize("name", ERROR_NAMES)
    def test_every_error_becomes_a_fault_with_its_name_in_the_text(self, name):
        (text,) = condition_of(state(franky.RobotMode.Reflex, current=[name])).faults.values()
        assert text.startswith(f"{name}: ")
        assert "recover" in text
        assert not text.endswith(".")

    def test_reflexes_of_contact_are_one_fault_as_in_the_simulator(self):
        faults = errors_as_faults(["joint_reflex", "cartesian_reflex", "power_limit_violation"])
        assert list(faults) == ["contact_reflex", "power_limit_violation"]
        assert "joint_reflex" in faults["contact_reflex"]
        assert "cartesian_reflex" in faults["contact_reflex"]

    def test_a_reflex_takes_its_reason_from_the_motion_when_the_error_has_gone(self):
        assert list(condition_of(state(franky.RobotMode.Reflex, last=["tau_j_range_violation"])).faults) == [
            "tau_j_range_violation"
        ]

    def test_a_reflex_without_a_reason_is_a_fault_too(self):
        assert list(condition_of(state(franky.RobotMode.Reflex)).faults) == ["arm_reflex"]

    @pytest.mark.parametrize(
        ("mode", "name"),
        [
            (franky.RobotMode.UserStopped, "user_stop"),
            (franky.RobotMode.Guiding, "guiding"),
            (franky.RobotMode.Other, "arm_not_ready"),
        ],
    )
    def test_what_needs_a_hand_at_the_cell_says_so(self, mode, name):
        condition = condition_of(state(mode))
        assert list(condition.faults) == [name]
        assert condition.by_hand == name


class TestMemory:
    def test_a_fault_stays_when_its_cause_has_gone(self, memory, stops):
        memory.note(Condition({"contact_reflex": "text"}))
        memory.note(Condition())
        (fault,) = memory.active
        assert (fault.id, fault.text, fault.clearable, fault.onset_time_ns) == ("contact_reflex", "text", True, 100)
        assert (fault.source, fault.severity) == (FaultSource.ARM, FaultSeverity.CRITICAL)
        assert memory.forbids_motion
        assert stops == [True]

    def test_a_fault_that_goes_on_keeps_its_onset_and_stops_once(self, memory, stops):
        for _ in range(3):
            memory.note(Condition({"contact_reflex": "text"}))
        assert memory.active[0].onset_time_ns == 100
        assert stops == [True]

    def test_a_pressed_stop_cannot_be_cleared_until_it_is_released(self, memory):
        pressed = Condition({"user_stop": "text"}, by_hand="user_stop")
        memory.note(pressed)
        memory.drop(["user_stop"])
        assert not memory.active[0].clearable
        assert memory.active[0].by_hand
        memory.note(Condition())
        assert memory.active[0].clearable
        assert not memory.active[0].by_hand
        memory.drop(["user_stop"])
        assert memory.active == ()
        assert not memory.forbids_motion

    def test_a_stop_that_is_pressed_again_cannot_be_cleared_again(self, memory):
        pressed = Condition({"user_stop": "text"}, by_hand="user_stop")
        for condition in (pressed, Condition(), pressed):
            memory.note(condition)
        assert not memory.active[0].clearable

    def test_only_named_faults_are_forgotten(self, memory):
        memory.note(Condition({"contact_reflex": "a", "power_limit_violation": "b"}))
        memory.drop(["power_limit_violation"])
        assert [fault.id for fault in memory.active] == ["contact_reflex"]

    def test_a_warning_stops_nothing(self, memory, stops):
        memory.add("load_refused", "text", critical=False)
        assert not memory.forbids_motion
        assert stops == []

    def test_hand_guiding_forbids_motion_and_ends_when_the_arm_is_let_go(self, memory, stops):
        memory.note(Condition({"guiding": "text"}, by_hand="guiding"))
        (fault,) = memory.active
        assert (fault.severity, fault.clearable, fault.by_hand) == (FaultSeverity.WARNING, False, True)
        assert memory.forbids_motion
        assert stops == [True]
        memory.drop(["guiding"])
        assert memory.forbids_motion
        memory.note(Condition())
        assert memory.active == ()
        assert not memory.forbids_motion

    def test_a_stop_stays_a_fault_when_the_arm_is_guided_after_it(self, memory):
        for by_hand in ("user_stop", "guiding"):
            memory.note(Condition({by_hand: "text"}, by_hand=by_hand))
        assert {fault.id: fault.by_hand for fault in memory.active} == {"user_stop": False, "guiding": True}
        memory.note(Condition())
        assert [fault.id for fault in memory.active] == ["user_stop"]
        assert memory.forbids_motion
