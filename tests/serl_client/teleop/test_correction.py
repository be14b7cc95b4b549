"""When the scripted teacher takes over, and when it lets go."""

import dataclasses

import numpy as np
import pytest

from serl_client.teleop.correction import CorrectionConfig, ScriptedIntervention

NEVER = CorrectionConfig(stall_steps=0, stray_steps=0, probability=0.0, min_steps=3, max_steps=3, rest_steps=0)
GOOD = np.array((1.0, 0.0), np.float32)
BAD = np.array((-1.0, 0.0), np.float32)


class Expert:
    """Always wants the same; counts how often it began anew."""

    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1

    def action(self, observation, info):
        return GOOD


def drive(config, action, positions, seed=0):
    """Which steps were corrected."""
    teacher = ScriptedIntervention(Expert(), config, seed)
    teacher.reset({}, {})
    found = []
    for position in positions:
        taught = teacher.intervene(action, {}, {"tcp_pose": np.array((position, 0, 0, 0, 0, 0, 1.0))})
        assert taught is None or taught is GOOD
        found.append(taught is not None)
    return "".join("x" if corrected else "." for corrected in found)


def with_changes(**changes):
    return dataclasses.replace(NEVER, **changes)


def test_a_policy_that_does_well_is_left_alone():
    config = CorrectionConfig()
    assert drive(config, GOOD, np.arange(60) * 0.01) == "." * 60


def test_an_arm_that_stands_still_is_taken_over_and_given_back():
    config = with_changes(stall_steps=5, stall_distance=0.02)
    assert drive(config, GOOD, [0.0] * 16) == ".....xxx.....xxx"


def test_an_arm_that_comes_and_goes_does_not_stand_still():
    config = with_changes(stall_steps=5, stall_distance=0.02)
    assert drive(config, GOOD, [0.0, 0.03] * 8) == "." * 16


@pytest.mark.parametrize(("right", "expected"), [(0.0, ".....xxx"), (0.01, "." * 8)])
def test_two_arms_stand_still_when_both_do(right, expected):
    teacher = ScriptedIntervention(Expert(), with_changes(stall_steps=5, stall_distance=0.02), 0)
    teacher.reset({}, {})
    found = ""
    for step in range(8):
        info = {"left/tcp_pose": np.zeros(7), "right/tcp_pose": np.full(7, right * step)}
        found += "." if teacher.intervene(GOOD, {}, info) is None else "x"
    assert found == expected


def test_a_policy_that_strays_is_corrected():
    # Actions (1, 0) and (-1, 0) differ by 1 a component on average.
    config = with_changes(stray_steps=4, stray_distance=0.9)
    assert drive(config, BAD, np.arange(12)) == "...xxx...xxx"
    assert drive(dataclasses.replace(config, stray_distance=1.1), BAD, np.arange(12)) == "." * 12


def test_the_policy_has_some_steps_to_itself():
    config = with_changes(stray_steps=1, stray_distance=0.5, rest_steps=4)
    assert drive(config, BAD, np.arange(15)) == "....xxx....xxx."


def test_chance_alone_takes_over_about_as_often_as_it_says():
    config = with_changes(probability=0.1, min_steps=1, max_steps=1)
    share = drive(config, GOOD, np.arange(5000)).count("x") / 5000
    assert share == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 5000))


def test_corrections_last_between_the_bounds():
    config = with_changes(probability=1.0, min_steps=2, max_steps=4, rest_steps=1)
    whole = drive(config, GOOD, np.arange(400)).rpartition(".")[0]  # The last one may have been cut off.
    assert {len(run) for run in whole.split(".") if run} == {2, 3, 4}


def test_the_expert_begins_anew_at_each_correction():
    expert = Expert()
    teacher = ScriptedIntervention(expert, with_changes(probability=1.0), 0)
    teacher.reset({}, {})
    before = expert.resets
    teacher.intervene(GOOD, {}, {})
    assert expert.resets == before + 1


def test_equal_seeds_correct_alike():
    config = with_changes(probability=0.2)
    assert drive(config, GOOD, np.arange(200), seed=1) == drive(config, GOOD, np.arange(200), seed=1)
    assert drive(config, GOOD, np.arange(200), seed=1) != drive(config, GOOD, np.arange(200), seed=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probability": 1.5}, "probability is 1.5"),
        ({"min_steps": 9}, "min_steps is 9; it must be at most max_steps, 3"),
        ({"stall_steps": -5}, "stall_steps is -5; it must be at least 0"),
        ({"stray_distance": -0.1}, "stray_distance is -0.1; it must be at least 0"),
        ({"rest_steps": -1}, "rest_steps is -1"),
    ],
)
def test_values_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        with_changes(**changes)
