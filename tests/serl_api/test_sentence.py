"""Sentences of errors, however long what they repeat is."""

import pytest

from robot_daemon.operations.recording import RecordingError
from robot_daemon.operations.traces.trace_file import TraceError
from serl_api.sentence import LONGEST_TEXT, SentenceError, in_part
from serl_api.settings import ConfigError
from serl_rl.errors import LearnerError, RunError
from serl_rl.replay.errors import InvalidRowsError, ReplayError


@pytest.mark.parametrize("length", [0, 1, LONGEST_TEXT])
def test_a_short_text_stays_as_it_is(length):
    assert in_part("x" * length) == "x" * length


@pytest.mark.parametrize(
    "kind", [SentenceError, RunError, LearnerError, ConfigError, ReplayError, RecordingError, TraceError]
)
def test_a_long_one_keeps_its_beginning_and_what_to_do(kind):
    text = str(kind(f"a.trace is of format {'y' * 100_000}; record it again"))
    assert len(text) == LONGEST_TEXT
    assert text.startswith("a.trace is of format y")
    assert text.endswith("y; record it again")


def test_errors_with_more_than_a_text_keep_it():
    error = InvalidRowsError("actions", "z" * 5000)
    assert error.field == "actions"
    assert len(str(error)) == LONGEST_TEXT
