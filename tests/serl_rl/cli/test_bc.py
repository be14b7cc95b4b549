"""`serl-train bc` as a user types it: from a recording to a checkpoint that evaluates, and bad inputs."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_rl.config.presets import preset
from serl_rl.errors import CheckpointError
from serl_rl.learner.trainer import Trainer
from serl_rl.policies.saved import find_checkpoint, load_policy, read_experiment
from serl_tasks.pick_cube.task import PICK_CUBE_VISION

QUICK = ("--bc.steps", 150, "--bc.batch-size", 32, "--bc.check-steps", 50, "--bc.learning-rate", 3e-3)


@pytest.fixture(autouse=True)
def keep_signal_handlers():
    """The command installs its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def path(tmp_path, run):
    path = tmp_path / "a.episodes"
    code, _, said = run("record-demos", "--preset", "debug", "--demonstration-count", 12, "--output", path)
    assert code == 0, said
    return path


def look_episodes(path, *, count=2, steps=4):
    """Episodes of PickCubeVision with small images, and the image of their first step."""
    rng, components = np.random.default_rng(0), PICK_CUBE_VISION.components(rotation=False)
    names = [f"{part.name}.{index}" for part in components for index in range(len(part.indices))]
    cameras = PICK_CUBE_VISION.cameras
    observations = {"state": [[len(names)], "float32"]} | {name: [[48, 48, 3], "uint8"] for name in cameras}
    specification = {"observations": observations, "action": [[4], "float32"], "state_components": names}
    with EpisodeWriter(path, EpisodeHeader(task="serl/PickCubeVision-v0", specification=specification)) as writer:
        for _ in range(count):
            images = {name: rng.integers(0, 256, (steps + 1, 48, 48, 3), np.uint8) for name in cameras}
            writer.append(
                Episode(
                    observations={"state": rng.normal(size=(steps + 1, len(names))).astype(np.float32), **images},
                    actions=rng.uniform(-1, 1, (steps, 4)).astype(np.float32),
                    rewards=np.zeros(steps),
                    terminated=True,
                    truncated=False,
                    interventions=np.ones(steps, bool),
                    stamps_ns=np.arange(steps + 1),
                    success=True,
                )
            )
    return {name: np.zeros((48, 48, 3), np.uint8) for name in cameras} | {"state": np.zeros(len(names), np.float32)}


def test_from_a_recording_to_an_evaluated_policy(run, path, tmp_path):
    directory = tmp_path / "bc"
    arguments = ("--preset", "debug", "--demonstrations", path, "--run-directory", directory)
    code, told, said = run("bc", *arguments, *QUICK, "--sac.hidden-sizes", 32, 32)
    assert code == 0, said
    assert "11 episodes to learn from, 1 to validate with" in said
    assert "step 150 of 150: loss" in said
    result = json.loads(told)
    assert result["checkpoint"] == str(directory / "checkpoint")
    assert json.loads((directory / "cloning.json").read_text())["history"][-1]["steps"] == 150
    code, told, said = run("evaluate", "--checkpoint", directory, "--episodes", 10)
    assert code == 0, said
    evaluated = json.loads(told)
    assert evaluated["successes"] >= 8
    assert evaluated["policy_version"] == result["best"]["steps"]
    _, _, said = run("bc", *arguments)
    assert "exists already; give another --run-directory" in said


def test_gripper_choices_are_cloned_with_the_arm(run, path, tmp_path):
    arguments = ("--preset", "debug", "--environment.gripper-action", "binary", "--sac.grippers", 1)
    code, _, said = run("bc", *arguments, *QUICK, "--demonstrations", path, "--run-directory", tmp_path / "bc")
    assert code == 0, said
    policy, config, _ = load_policy(tmp_path / "bc")
    action = policy.act({"state": np.array([0.4, 0.4])}, np.random.default_rng(0), deterministic=True)
    assert config.sac.grippers == 1
    assert action[1] == -1  # From there the expert pushes down: the choice that is called close.


@pytest.mark.parametrize("way", ["frozen", "no-frozen"])
def test_a_policy_from_pixels(run, tmp_path, way):
    observation = look_episodes(tmp_path / "look.episodes")
    head = (
        f"--vision.encoder.backbone.{way}",
        "--vision.encoder.head.bottleneck",
        8,
        "--learner.device",
        "cpu",
        "--learner.threads",
        1,
    )
    quick = ("--bc.steps", 3, "--bc.check-steps", 2, "--bc.batch-size", 4, "--bc.validation-share", 0.5)
    arguments = ("--preset", "pick-cube-vision", "--demonstrations", tmp_path / "look.episodes")
    code, told, said = run("bc", *arguments, *head, *quick, "--run-directory", tmp_path / "bc")
    assert code == 0, said
    assert json.loads(told)["validation_episodes"] == 1
    policy, _, _ = load_policy(tmp_path / "bc")
    assert policy.act(observation, np.random.default_rng(0), deterministic=True).shape == (4,)


def test_learner_begins_with_a_cloned_policy(run, path, tmp_path):
    arguments = ("--preset", "debug", "--demonstrations", path, "--run-directory", tmp_path / "bc")
    code, _, said = run("bc", *arguments, *QUICK)
    assert code == 0, said
    checkpoint, config = find_checkpoint(tmp_path / "bc"), preset("debug")
    trainer = Trainer(config, read_experiment(tmp_path / "bc").spec)
    trainer.start_from(checkpoint)
    saved = load_file(checkpoint / "policy.safetensors")
    begun = trainer.policy_tensors(None)
    assert set(saved) == set(begun)
    assert all((saved[name] == begun[name]).all() for name in saved)
    other = Trainer(replace(config, sac=replace(config.sac, hidden_sizes=(8, 8))), read_experiment(checkpoint).spec)
    with pytest.raises(CheckpointError, match=r"the policy of .* does not fit this experiment: array .* has shape"):
        other.start_from(checkpoint)
    code, _, said = run(
        "learner", "--preset", "debug", "--run-directory", tmp_path / "rl", "--initial-policy", tmp_path / "gone"
    )
    assert code == 1
    assert f"there is no checkpoint in {tmp_path / 'gone'}" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--preset", "pick-cube", "--demonstrations", "gone.episodes"),
            "there is no demonstration file gone.episodes",
        ),
        (("--preset", "debug", "--bc.steps", "0", "--demonstrations", "x"), "steps is 0; it must be at least 1"),
    ],
)
def test_bad_inputs_get_one_sentence(run, tmp_path, arguments, sentence):
    code, _, said = run("bc", *arguments, "--run-directory", tmp_path / "bc")
    assert code == 2
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "bc").exists()


def test_another_task_gets_one_sentence_before_libraries_are_loaded(run, tmp_path, monkeypatch):
    def preload(threads):
        raise AssertionError("this takes seconds")

    monkeypatch.setattr("serl_rl.learner.trainer.Trainer.preload", preload)
    look_episodes(tmp_path / "look.episodes")
    arguments = ("--demonstrations", tmp_path / "look.episodes", "--run-directory", tmp_path / "bc")
    code, _, said = run("bc", *arguments)
    assert code == 2
    assert "holds episodes of serl/PickCubeVision-v0, but the experiment is serl/PickCube-v0" in said
    assert not (tmp_path / "bc").exists()


def test_ctrl_c_keeps_the_policy_so_far(path, tmp_path):
    arguments = ["--preset", "debug", "--demonstrations", str(path), "--run-directory", str(tmp_path / "bc")]
    endless = ["--bc.steps", "100000000", "--bc.check-steps", "20"]
    call = [sys.executable, "-m", "serl_rl", "bc", *arguments, *endless]
    with subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            while not process.stderr.readline().startswith("step 40"):
                assert process.poll() is None
            os.kill(process.pid, signal.SIGINT)
            told, _ = process.communicate(timeout=50)
        finally:
            process.kill()
    assert process.returncode == 0
    assert json.loads(told)["steps"] >= 40
    policy, _, manifest = load_policy(tmp_path / "bc")
    assert policy.act({"state": np.zeros(2)}, np.random.default_rng(0)).shape == (2,)
    assert manifest["policy_updates"] == json.loads(told)["best"]["steps"]
