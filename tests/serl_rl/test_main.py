"""The command line: help, presets, overrides, one sentence for each wrong input."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serl_rl.__main__ import main, parse
from serl_rl.artifacts.run_directory import create
from serl_rl.cli.tasks import TasksCommand
from serl_rl.errors import UsageError


@pytest.fixture(autouse=True)
def keep_signal_handlers():
    """Commands install their own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "command", ["demo", "learner", "actor", "evaluate", "record-demos", "label-success", "review", "plot"]
)
def test_help_teaches_by_example(command, capsys):
    with pytest.raises(SystemExit) as exited:
        parse([command, "--help"])
    assert exited.value.code == 0
    assert f"serl-train {command}" in capsys.readouterr().out


def test_the_list_of_commands_says_each_in_a_sentence(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    listed = capsys.readouterr().out
    assert "Try:" not in listed
    assert "pretrain-encoder" in listed


@pytest.mark.parametrize("module", ["serl_rl", "serl_client"])
def test_help_that_nobody_reads_to_its_end_is_no_error(module):
    with subprocess.Popen(
        [sys.executable, "-m", module, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_preset_is_the_default_that_options_override():
    command = parse(["demo", "--preset", "pick-cube-10", "--sac.discount", "0.9", "--seed", "7"])
    assert (command.config.sac.critic_count, command.config.sac.discount, command.config.seed) == (10, 0.9, 7)


def test_a_config_file_takes_the_place_of_a_preset(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"seed": 5, "sac": {"hidden_sizes": [8]}}')
    command = parse(["learner", "--config-file", str(path), "--run-directory", "x"])
    assert (command.config.seed, command.config.sac.hidden_sizes) == (5, (8,))


def test_a_config_file_may_hold_a_few_values_over_a_preset(tmp_path):
    path = tmp_path / "cube.json"
    path.write_text(
        '{"preset": "pick-cube-10", "sac": {"discount": 0.9}, '
        '"environment": {"classifier": {"path": "c"}, "reward": "none"}}'
    )
    config = parse(["learner", "--config-file", str(path), "--run-directory", "x", "--seed", "2"]).config
    assert (config.sac.critic_count, config.sac.discount, config.seed) == (10, 0.9, 2)
    assert config.environment.classifier.path == Path("c")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"preset": "pickcube"}', "did you mean pick-cube"),
        ('{"preset": "pick-cube", "sacc": {}}', "unknown key sacc; did you mean sac?"),
        ('{"preset": "pick-cube", "sac": {"discont": 1}}', "unknown key sac.discont; did you mean discount?"),
        ("[1]", "holds list, not an object"),
        ("{", "cannot use the config file"),
    ],
)
def test_a_config_file_that_cannot_be_used_is_told_in_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "cube.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        parse(["learner", "--config-file", str(path), "--run-directory", "x"])


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["demo", "--preset", "pickcube"], 2, "did you mean pick-cube"),
        (["learner", "--config-file", "/nowhere", "--run-directory", "x"], 2, "cannot use the config file /nowhere"),
        (["evaluate", "--checkpoint", "/nowhere"], 1, "there is no checkpoint in /nowhere"),
        (["learner", "--run-directory", "x", "--demonstrations", "/nowhere"], 2, "no demonstration file /nowhere"),
        (["demo", "--learner.update-to-data-ratio", "0"], 2, "update_to_data_ratio is 0"),
    ],
)
def test_wrong_input_gets_one_sentence(arguments, code, sentence, capsys):
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    said = capsys.readouterr().err
    assert exited.value.code == code, said
    assert sentence in said
    assert "Traceback" not in said


def test_a_run_that_exists_is_named_and_unnamed_runs_are_numbered(tmp_path):
    assert create(tmp_path, None, "cube").path.name == "cube"
    assert create(tmp_path, None, "cube").path.name == "cube-2"
    create(tmp_path, "mine", "cube")
    with pytest.raises(UsageError, match="exists already"):
        create(tmp_path, "mine", "cube")


def test_an_actor_does_not_load_torch():
    code = (
        "import sys; import serl_rl.__main__, serl_rl.actor.loop, serl_rl.algorithms.sac.numpy_policy, "
        "serl_rl.envs.factory, serl_rl.runs.demo, "
        "serl_rl.policies.saved; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_command_loads_no_other():
    code = (
        "import sys; from serl_rl.__main__ import parse; parse(['learner', '--run-directory', 'x']); "
        "sys.exit('serl_rl.cli.demo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


COMMANDS = {
    "demo": ("--preset", "debug", "--runs", "/dev/null/runs"),
    "learner": ("--preset", "debug", "--run-directory", "/dev/null/run"),
    "actor": ("--preset", "debug", "--ready-file", "/dev/null/ready", "--join-timeout-s", "0.1"),
    "record-demos": ("--preset", "debug", "--output", "/dev/null/demos"),
    "plot": ("/dev/null/run", "--output", "/dev/null/plot.png"),
    "review": ("/dev/null/file",),
    "label-success": ("--file", "/dev/null/file", "--last", "2"),
    "evaluate": ("--checkpoint", "/dev/null/run"),
    "train-classifier": ("--episodes", "/dev/null/file", "--output", "/dev/null/classifier"),
    "pretrain-encoder": ("--output", "/dev/null/encoder.safetensors"),
    "bc": ("--preset", "debug", "--demonstrations", "/dev/null/file", "--run-directory", "/dev/null/run"),
    "act": ("--preset", "debug", "--demonstrations", "/dev/null/file", "--run-directory", "/dev/null/run"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_cannot_be_is_one_sentence(command, capsys, caplog):
    with pytest.raises(SystemExit) as exited:
        main([command, *COMMANDS[command]])
    assert exited.value.code in (1, 2)
    assert capsys.readouterr().err.splitlines()[-1].startswith("serl-train: ")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "No space left on device; free space there, or choose another folder"),
        (errno.EROFS, "Read-only file system; choose a folder that can be written to"),
        (errno.EIO, "Input/output error; give another path"),
    ],
)
def test_whatever_the_system_refuses_is_one_sentence(number, remedy, capsys, monkeypatch):
    def run(self):
        raise OSError(number, os.strerror(number), "runs/x")

    monkeypatch.setattr(TasksCommand, "run", run)
    with pytest.raises(SystemExit) as exited:
        main(["tasks"])
    assert exited.value.code == 1
    assert capsys.readouterr().err == f"serl-train: the system refused the use of runs/x: {remedy}\n"
