import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_client.episodes.files import Episode
from serl_rl.demonstrations.labelling import (
    check_numbers,
    labels_of,
    last_labels,
    marked_labels,
    parse_marks,
    parse_numbers,
    with_labels,
)
from serl_rl.errors import UsageError


def make_episode(steps=4, *, success=True, **metadata):
    return Episode(
        observations={"state": np.zeros((steps + 1, 1), np.float32)},
        actions=np.zeros((steps, 1), np.float32),
        rewards=np.zeros(steps),
        terminated=success,
        truncated=not success,
        interventions=np.zeros(steps, bool),
        stamps_ns=np.zeros(steps + 1, np.int64),
        success=success,
        metadata=metadata,
    )


def test_numbers_and_ranges():
    assert parse_numbers("0,3-5, 9") == {0, 3, 4, 5, 9}


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1;2"])
def test_what_is_no_list_is_refused(text):
    with pytest.raises(UsageError, match="write numbers and ranges"):
        parse_numbers(text)


def test_backwards_is_refused():
    with pytest.raises(UsageError, match="'5-3' counts backwards"):
        parse_numbers("5-3")


@given(st.sets(st.integers(0, 200), min_size=1))
def test_every_list_comes_back(numbers):
    assert parse_numbers(",".join(map(str, numbers))) == numbers


@pytest.mark.parametrize(
    ("marks", "labels"),
    [
        (["0:1-2"], [False, True, True, False, False]),
        (["0:3-"], [False, False, False, True, True]),
        (["0:0", "0:4"], [True, False, False, False, True]),
        (["0:all"], [True] * 5),
        (["0:none"], [False] * 5),
    ],
)
def test_marks_become_labels(marks, labels):
    assert marked_labels(make_episode(), parse_marks(marks)[0], "episode 0") == labels


@pytest.mark.parametrize("mark", ["1-2", "x:1", "0:", "0:1-x", "0:a-b"])
def test_what_is_no_mark_is_refused(mark):
    with pytest.raises(UsageError, match="EPISODE:FIRST-LAST"):
        parse_marks([mark])


@pytest.mark.parametrize("mark", ["0:5", "0:3-2", "0:0-9"])
def test_observations_that_are_not_there_cannot_be_marked(mark):
    with pytest.raises(UsageError, match="has observations 0 to 4"):
        marked_labels(make_episode(), parse_marks([mark])[0], "episode 0")


def test_the_end_of_a_success_and_what_comes_before_it():
    assert last_labels(make_episode(), 1, 2) == [False, False, None, None, True]
    assert last_labels(make_episode(), 9, 2) == [True] * 5
    assert last_labels(make_episode(), 4, 9) == [None, True, True, True, True]
    assert last_labels(make_episode(success=False), 2, 2) == [False] * 5


def test_labels_decide_whether_an_episode_is_a_success():
    failed = with_labels(make_episode(), [False] * 5)
    assert not failed.success
    assert labels_of(failed) == [False] * 5
    assert with_labels(failed, [None, None, True, None, None]).success


def test_an_episode_that_says_nothing_has_no_labels():
    assert labels_of(make_episode()) == [None] * 5


def test_episodes_that_are_not_there_are_named():
    with pytest.raises(UsageError, match="file has no episode 7; it holds 0 to 2"):
        check_numbers(frozenset((1, 7)), 3, "file")
    with pytest.raises(UsageError, match="it holds none"):
        check_numbers(frozenset((0,)), 0, "file")
