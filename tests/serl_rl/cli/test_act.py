"""`serl-train act` as a user types it: from a recording to a checkpoint that evaluates, goes on, and bad inputs."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.errors import CheckpointError
from serl_rl.policies.saved import check_environment, load_policy, read_experiment

NETWORK = (
    "--algorithm-config.chunk-size",
    6,
    "--algorithm-config.hidden-size",
    32,
    "--algorithm-config.feedforward-size",
    64,
    "--algorithm-config.encoder-layers",
    1,
    "--algorithm-config.latent-encoder-layers",
    1,
)
QUICK = ("--training.batch-size", 32, "--training.check-steps", 50, "--training.learning-rate", 3e-3)


@pytest.fixture(autouse=True)
def keep_signal_handlers():
    """The command installs its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("act") / "a.episodes"
    call = [sys.executable, "-m", "serl_rl", "record-demos", "--preset", "debug", "--demonstration-count", "12"]
    subprocess.run([*call, "--output", str(path)], check=True, capture_output=True)
    return path


@pytest.fixture
def train(run, path, tmp_path):
    """Trains in a folder; returns the result."""

    def training(name, *options, steps=100):
        arguments = ("--preset", "debug", "--demonstrations", path, "--run-directory", tmp_path / name)
        code, told, said = run("act", *arguments, *NETWORK, *QUICK, "--training.steps", steps, *options)
        assert code == 0, said
        return json.loads(told), said

    return training


def test_from_a_recording_to_an_evaluated_policy(train, run, tmp_path):
    result, said = train("run", steps=300)
    assert "11 episodes to learn from, 1 to validate with" in said
    assert "step 300 of 300: l1 " in said
    figures = json.loads((tmp_path / "run" / "training.json").read_text())
    assert [check["steps"] for check in figures["history"]] == list(range(50, 301, 50))
    assert result["best_validation_error"] == pytest.approx(
        min(check["validation_error"] for check in figures["history"]), abs=1e-6
    )
    for options in ((), ("--chunks", "ensemble"), ("--executed-steps", 2)):
        code, told, said = run("evaluate", "--checkpoint", tmp_path / "run", "--episodes", 10, *options)
        assert code == 0, said
        evaluated = json.loads(told)
        assert evaluated["successes"] >= 8
        assert evaluated["policy_version"] == result["best_steps"]
    code, _, said = run("evaluate", "--checkpoint", tmp_path / "run", "--chunks", "real-time")
    assert code == 2
    assert "execution.committed_steps is 3; it must be below half of chunk_size, which is 6, in real time" in said


def test_going_on_is_as_if_never_interrupted(train, run, tmp_path):
    whole, _ = train("whole", steps=100)
    train("halves", steps=50)
    folder = tmp_path / "halves"
    code, told, said = run("act", "--run-directory", folder, "--resume", "--training.steps", 100)
    assert code == 0, said
    assert "going on after step 50" in said
    assert json.loads(told)["best_validation_error"] == whole["best_validation_error"]
    one, two = (load_file(tmp_path / name / "checkpoint" / checkpoints.POLICY) for name in ("whole", "halves"))
    assert all((one[name] == two[name]).all() for name in one)


def test_a_policy_of_another_set_up_is_refused(train, tmp_path):
    train("run", steps=1)
    saved = read_experiment(tmp_path / "run")
    check_environment(saved.path, saved.manifest, saved.spec)
    other = replace(saved.spec, action=replace(saved.spec.action, shape=(7,)))
    with pytest.raises(CheckpointError, match=r"was learned where action\.shape is \(2,\), but here it is \(7,\); run"):
        check_environment(saved.path, saved.manifest, other)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "there is nothing to imitate; give --demonstrations FILE"),
        (("--demonstrations", "gone.episodes"), "there is no demonstration file gone.episodes"),
        (("--training.steps", 0), "steps is 0; it must be at least 1"),
        (("--algorithm-config.heads", 3), "hidden_size is 128; it must be a multiple of 4 and of heads, which is 3"),
        (("--algorithm", "sac"), "act trains the algorithm act, but algorithm is sac; leave it away"),
        (("--resume",), "there is no checkpoint in"),
    ],
)
def test_bad_inputs_get_one_sentence(run, tmp_path, arguments, sentence):
    code, _, said = run("act", "--preset", "debug", *arguments, "--run-directory", tmp_path / "run")
    assert code in (1, 2)
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()


def test_options_of_chunks_are_for_policies_that_have_them(run, path, tmp_path):
    quick = ("--bc.steps", 1, "--sac.hidden-sizes", 8, 8)
    code, _, said = run("bc", "--preset", "debug", "--demonstrations", path, "--run-directory", tmp_path / "bc", *quick)
    assert code == 0, said
    code, _, said = run("evaluate", "--checkpoint", tmp_path / "bc", "--chunks", "ensemble")
    assert code == 2
    assert "--chunks and --executed-steps are for policies of act, but" in said


def test_ctrl_c_keeps_the_policy_so_far(path, tmp_path):
    arguments = ["--preset", "debug", "--demonstrations", str(path), "--run-directory", str(tmp_path / "run")]
    endless = ["--training.steps", "100000000", "--training.check-steps", "5", "--training.batch-size", "8"]
    call = [sys.executable, "-m", "serl_rl", "act", *arguments, *map(str, NETWORK), *endless]
    with subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            while not process.stderr.readline().startswith("step 10"):
                assert process.poll() is None
            os.kill(process.pid, signal.SIGINT)
            told, _ = process.communicate(timeout=50)
        finally:
            process.kill()
    assert process.returncode == 0
    policy, _, manifest = load_policy(tmp_path / "run")
    assert policy.act({"state": np.zeros(2, np.float32)}, np.random.default_rng(0)).shape == (2,)
    assert manifest["policy_updates"] == json.loads(told)["best_steps"]


@pytest.mark.slow
def test_the_demo_imitates_the_script(run, tmp_path):
    code, told, said = run("demo", "--act", "--runs", tmp_path, "--training.minutes", 8, "--video-episodes", 1)
    assert code == 0, said
    assert json.loads(told)["successes"] >= 80
    assert (tmp_path / "relocate-cube-act" / "policy.mp4").exists()
