import numpy as np
import pytest

from serl_rl.demonstrations.goals import goal_frames
from serl_rl.errors import UsageError
from serl_rl.rewards.classifier.errors import ClassifierError


def states(frames):
    return frames["state"].tolist()


def test_frames_labelled_as_success_are_goals(spec, make_episode, write):
    labels = [[False, False, True, True], [False, False, False, False]]
    path = write("a", [make_episode(3, number=n, labels=own) for n, own in enumerate(labels)])
    assert states(goal_frames([path], spec, 1, 100)) == [[0, 2], [0, 3]]


def test_an_episode_that_ended_by_success_ends_at_a_goal(spec, make_episode, write):
    path = write("a", [make_episode(2), make_episode(3, number=1, success=False)])
    assert states(goal_frames([path], spec, 1, 100)) == [[0, 2]]


def test_without_any_success_the_last_frames_are_goals(spec, make_episode, write):
    path = write("a", [make_episode(2 + n, number=n, success=False, terminated=False) for n in range(2)])
    assert states(goal_frames([path], spec, 1, 100)) == [[0, 2], [1, 3]]


def test_goals_are_thinned_evenly(spec, make_episode, write):
    path = write("a", [make_episode(9, labels=[True] * 10)])
    assert [t for _, t in states(goal_frames([path], spec, 1, 4))] == [0, 3, 6, 9]


def test_stacks_hold_the_frames_before_a_goal(spec, make_episode, write):
    path = write("a", [make_episode(4)])
    np.testing.assert_array_equal(goal_frames([path], spec, 2, 9)["wrist"][0, :, 0, 0, 0], [3, 4])


def test_no_episode_and_an_unknown_moment_of_success_get_a_sentence(spec, make_episode, write):
    with pytest.raises(UsageError, match="vice needs goals, and there is no demonstration"):
        goal_frames([write("empty", [])], spec, 1, 9)
    with pytest.raises(ClassifierError, match="had success before its end but does not say when"):
        goal_frames([write("a", [make_episode(3, terminated=False)])], spec, 1, 9)
