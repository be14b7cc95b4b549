"""What a task may say about the way back to its start, and where a retreat leads."""

import copy
import math
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from serl_api.rotation import angle_between, from_rotvec, multiply
from serl_api.values import Pose
from serl_client.envs.reset_plan import ResetPlan, Retreat
from serl_tasks.peg_insert.task import PEG_INSERT

DOWN = (1.0, 0.0, 0.0, 0.0)
UP = Retreat(offset=(0.0, 0.0, 0.1))


def limits(rotation=math.pi):
    return SimpleNamespace(
        workspace_lower=np.array((0.2, -0.35, 0.0)),
        workspace_upper=np.array((0.7, 0.35, 0.6)),
        workspace_orientation_xyzw=np.array(DOWN),
        workspace_rotation=rotation,
    )


def pose(x=0.5, y=0.0, z=0.05, turned=(0.0, 0.0, 0.0)):
    return Pose(np.array((x, y, z)), np.array(multiply(from_rotvec(turned), DOWN)))


def test_a_retreat_leads_along_the_base_as_the_tool_stands():
    tilted = pose(turned=(0.0, 0.3, 0.0))
    goal = UP.goal(tilted, limits())
    np.testing.assert_allclose(goal.position, (0.5, 0.0, 0.15))
    np.testing.assert_allclose(goal.quaternion_xyzw, tilted.quaternion_xyzw)


def test_a_retreat_leads_back_along_the_tool():
    back = Retreat(offset=(0.0, 0.0, -0.1), frame="tool")
    np.testing.assert_allclose(back.goal(pose(), limits()).position, (0.5, 0.0, 0.15))
    tilted = back.goal(pose(turned=(0.0, 0.3, 0.0)), limits()).position
    np.testing.assert_allclose(tilted, (0.5 + 0.1 * math.sin(0.3), 0.0, 0.05 + 0.1 * math.cos(0.3)))


def test_the_workspace_shortens_a_retreat_and_does_not_bend_it():
    aslant = Retreat(offset=(0.1, 0.0, 0.1))
    np.testing.assert_allclose(aslant.goal(pose(x=0.66, z=0.05), limits()).position, (0.70, 0.0, 0.09))
    np.testing.assert_allclose(UP.goal(pose(z=0.6), limits()).position, (0.5, 0.0, 0.6))


def test_a_retreat_from_outside_the_workspace_ends_inside():
    np.testing.assert_allclose(UP.goal(pose(z=-0.002), limits()).position, (0.5, 0.0, 0.1))
    sideways = Retreat(offset=(0.0, 0.1, 0.0))
    np.testing.assert_allclose(sideways.goal(pose(x=0.71, y=0.35), limits()).position, (0.7, 0.35, 0.05))


def test_an_orientation_beyond_the_workspace_is_turned_back_to_its_bound():
    goal = UP.goal(pose(turned=(0.0, 0.5, 0.0)), limits(rotation=0.2)).quaternion_xyzw.tolist()
    assert angle_between(goal, DOWN) == pytest.approx(0.2, abs=1e-6)
    assert angle_between(goal, DOWN) <= 0.2
    assert angle_between(goal, multiply(from_rotvec((0.0, 0.2, 0.0)), DOWN)) < 1e-6


def test_attempts_take_the_retreats_in_turn():
    plan = ResetPlan(retreats=(UP, Retreat(offset=(0.1, 0.0, 0.0))), attempts=3)
    assert [plan.retreat_of(attempt) for attempt in range(3)] == [UP, plan.retreats[1], UP]
    assert ResetPlan(retreats=()).retreat_of(0) is None


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Retreat(offset=(0.0, 0.0, 0.1), frame="flange"), "frame is 'flange'; it must be 'base' or 'tool'"),
        (lambda: Retreat(offset=(0.0, 0.1)), r"offset is \(0.0, 0.1\); it must be three finite numbers, in m"),
        (lambda: Retreat(offset=(0.0, 0.0, math.nan)), "it must be three finite numbers"),
        (
            lambda: Retreat(offset=(0.0, 0.0, 0.1), speed_ratio=0.0),
            "speed_ratio is 0; it must be above 0 and at most 1",
        ),
        (lambda: Retreat(offset=(0.0, 0.0, 0.1), speed_ratio=1.5), "speed_ratio is 1.5; it must be above 0"),
        (lambda: ResetPlan(attempts=0), "attempts is 0; it must be at least 1"),
        (lambda: ResetPlan(joint_reset_interval=-1), "joint_reset_interval is -1; it must be at least 0"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def lay_the_cube(session):
    """Stands for a hook of a task's module."""


def test_a_task_with_a_hook_is_copied_and_pickled():
    task = replace(PEG_INSERT, reset_plan=replace(PEG_INSERT.reset_plan, hook=lay_the_cube))
    for other in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert other.reset_plan == task.reset_plan
        assert other.reset_plan.hook is lay_the_cube
