"""The command: what it lists and refuses, that it goes on where it ended, and that Ctrl-C loses nothing."""

import json
import signal
import subprocess
import sys

import pytest

from robot_daemon.__main__ import main
from robot_daemon.operations.first_hour.protocol import STEPS

pytestmark = pytest.mark.real_time

BRIEF = ("--only", "connect-idle", "--only", "connect-brakes")


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.toml").write_text('name = "bench"\n[arm]\ndriver = "fake"\n')
    return lambda *words: main(["first-hour", "--config", "cell.toml", "--yes", *words])


def results(tmp_path):
    return {
        name: row["verdict"] for name, row in json.loads((tmp_path / "first-hour.json").read_text())["results"].items()
    }


def test_the_steps_are_listed(call, capsys):
    assert call("--list") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [step.name for step in STEPS]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "payloat"), "there is no step payloat; did you mean payload?"),
        (("--idle-seconds", "0"), "--idle-seconds is 0; it must be in [1, 86400]"),
        (("--report", "/no/such/folder/report.json"), "--report /no/such/folder/report.json cannot be written"),
    ],
)
def test_wrong_options_are_one_sentence(call, capsys, words, said):
    assert call(*words) == 2
    assert said in capsys.readouterr().err


def test_results_are_kept_and_steps_that_passed_are_not_taken_again(call, capsys, tmp_path):
    assert call(*BRIEF) == 0
    assert results(tmp_path) == {"connect-idle": "pass", "connect-brakes": "skipped"}
    capsys.readouterr()
    others = [word for step in STEPS if step.name not in BRIEF for word in ("--skip", step.name)]
    assert call(*others) == 0
    said = capsys.readouterr().out
    assert "1 steps are done already" in said
    assert "(connect-brakes)" in said
    assert "(connect-idle)" not in said
    assert call("--restart", "--only", "connect-brakes") == 0
    assert results(tmp_path) == {"connect-brakes": "skipped"}


def ignore_interrupts():
    """Ignores Ctrl-C, as a shell has what it starts in the background do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_found_and_lets_the_arm_hold(tmp_path, number):
    (tmp_path / "cell.toml").write_text('[arm]\ndriver = "fake"\n')
    command = [sys.executable, "-m", "robot_daemon", "first-hour", "--config", "cell.toml", "--yes"]
    command += ["--only", "connect-idle", "--only", "idle"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, preexec_fn=ignore_interrupts, **pipes) as child:
        try:
            assert any("(idle)" in line for line in child.stdout)
            assert any("nothing should move" in line for line in child.stderr)
            child.send_signal(number)
            said, complaint = child.communicate(timeout=20.0)
            assert child.returncode == 130, complaint
        finally:
            child.kill()
    assert "interrupted; the arm holds" in said
    assert results(tmp_path) == {"connect-idle": "pass"}
