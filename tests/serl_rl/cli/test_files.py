"""Recording, reviewing and labelling as a user types it, on the tiny environment."""

import io
import json
import os
import signal

import numpy as np
import pytest

from serl_client.episodes.files import read_episodes
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.cli.record import RecordCommand


@pytest.fixture
def path(tmp_path, run):
    path = tmp_path / "a.episodes"
    code, _, said = run("record-demos", "--preset", "debug", "--demonstration-count", 3, "--output", path)
    assert code == 0, said
    assert "demonstration 3 of 3 (episode 3: " in said
    return path


def test_what_is_appended_is_new(run, path):
    before = read_episodes(path)
    options = ("--preset", "debug", "--demonstration-count", 3, "--output", path, "--append")
    assert run("record-demos", *options)[0] == 0
    after = read_episodes(path)
    starts = {episode.observations["state"][0].tobytes() for episode in after}
    assert (len(before), len(after), len(starts)) == (3, 6, 6)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_and_keeps_what_there_is(run, tmp_path, monkeypatch, number):
    def unwelcome(*_):
        raise AssertionError("the signal reached who was there before")

    def say(self, progress):
        os.kill(os.getpid(), number)

    monkeypatch.setattr(RecordCommand, "_say", say)
    before = signal.signal(number, unwelcome)
    try:
        path = tmp_path / "a.episodes"
        code, _, said = run("record-demos", "--preset", "debug", "--demonstration-count", 3, "--output", path)
        assert signal.getsignal(number) is unwelcome
    finally:
        signal.signal(number, before)
    assert (code, said) == (0, f"stopped; the episodes so far are in {path}\n")
    assert len(read_episodes(path)) == 1


def test_a_table_of_all_episodes(run, path):
    code, table, _ = run("review", path)
    assert code == 0
    assert len(table.splitlines()) == 5
    assert table.splitlines()[-1].startswith("3 episodes, 3 successes, ")


def test_figures_as_json(run, path):
    _, out, _ = run("review", path, "--json")
    assert [(entry["number"], entry["success"]) for entry in json.loads(out)] == [(0, True), (1, True), (2, True)]


@pytest.mark.parametrize("option", [("--delete", "1"), ("--keep", "0,2")])
def test_episodes_are_deleted_by_number(run, path, option):
    before = read_episodes(path)
    code, table, said = run("review", path, *option)
    assert code == 0
    assert "deleted 1 of 3 episodes" in said
    assert "2 episodes" in table
    after = read_episodes(path)
    assert [len(episode) for episode in after] == [len(before[0]), len(before[2])]


def test_random_driving_is_kept_as_failures(run, tmp_path):
    path = tmp_path / "failures.episodes"
    options = ("record-demos", "--preset", "debug", "--demonstration-count", 2, "--output", path, "--teleop", "random")
    code, _, said = run(*options)
    assert (code, "add --keep-failures" in said) == (2, True)
    assert run(*options, "--keep-failures")[0] == 0
    episodes = read_episodes(path)
    assert len(episodes) == 2
    assert not np.array_equal(episodes[0].actions[:5], episodes[1].actions[:5])


def test_going_on_with_a_file(run, path):
    assert run("record-demos", "--preset", "debug", "--demonstration-count", 2, "--output", path, "--append")[0] == 0
    assert len(read_episodes(path)) == 5


def test_the_end_of_every_success_is_labelled(run, path):
    code, _, said = run("label-success", "--file", path, "--last", 2, "--unsure", 1)
    assert code == 0
    assert "labelled 6 observations as success" in said
    for episode in read_episodes(path):
        expected = [*([False] * len(episode)), None, True, True][-len(episode) - 1 :]
        assert episode.metadata[SUCCESS_LABELS] == expected


def test_marks_change_what_they_name_alone(run, path):
    before = [episode.metadata[SUCCESS_LABELS] for episode in read_episodes(path)]
    assert run("label-success", "--file", path, "--mark", "0:all", "--mark", "1:none")[0] == 0
    after = read_episodes(path)
    assert [episode.success for episode in after] == [True, False, True]
    assert [episode.metadata[SUCCESS_LABELS] for episode in after] == [
        [True] * len(before[0]),
        [False] * len(before[1]),
        before[2],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("review", "{path}", "--delete", "9"), 2, "has no episode 9; it holds 0 to 2"),
        (("review", "{path}", "--delete", "0", "--keep", "1"), 2, "not both"),
        (("review", "{path}", "--export", "x.gif"), 2, "has no pictures"),
        (("review", "{path}", "--export", "x.gif", "--episode", "4"), 2, "has no episode 4"),
        (("review", "/nowhere"), 1, "cannot read /nowhere"),
        (("label-success",), 2, "give either --output"),
        (("label-success", "--file", "{path}"), 2, "say what is a success"),
        (("label-success", "--file", "{path}", "--mark", "0:0-99"), 2, "cannot be marked"),
        (("label-success", "--file", "{path}", "--mark", "5:all"), 2, "has no episode 5"),
        (("label-success", "--preset", "debug", "--output", "x", "--positives", "0"), 2, "positives is 0"),
        (("record-demos", "--preset", "debug", "--output", "{path}"), 2, "--append to it"),
        (("record-demos", "--preset", "debug", "--output", "x", "--demonstration-count", "0"), 2, "at least 1"),
        (("record-demos", "--preset", "debug", "--output", "x", "--teleop", "spacemouse"), 1, "SpaceMouse"),
        (("record-demos", "--preset", "debug", "--output", "x", "--teleop", "gamepad"), 1, "no gamepad is plugged in"),
        (("record-demos", "--preset", "debug", "--output", "x", "--teleop", "keyboard"), 1, "start it in a terminal"),
        (("label-success", "--preset", "debug", "--output", "x", "--teleop", "scripted"), 1, "needs keys"),
        (("actor", "--preset", "debug", "--intervene", "keyboard"), 1, "start it in a terminal"),
        (("actor", "--preset", "debug", "--human-reward"), 1, "--human-reward needs keys"),
    ],
)
def test_wrong_input_gets_one_sentence_and_changes_nothing(run, path, monkeypatch, tmp_path, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # No terminal.
    before = path.read_bytes()
    found, _, said = run(*(argument.format(path=path) for argument in arguments))
    assert (found, sentence in said) == (code, True), said
    assert "Traceback" not in said
    assert path.read_bytes() == before
    assert not (tmp_path / "x").exists()
