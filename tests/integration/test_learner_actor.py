"""Learner and actor as real processes over loopback: training, kill -9 of either, resume, Ctrl-C."""

import random
import signal

import numpy as np
import pytest

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.__main__ import main
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.demonstrations.scripted import record
from serl_rl.envs.factory import make_environment
from serl_rl.errors import CheckpointError
from serl_rl.monitoring.metrics import read_metrics
from serl_rl.replay.rows import RowKind
from tests.support.training_runs import CONFIG, ENDLESS, NEVER_EVALUATED, WAIT_S, Run

# The quick suite has one run in trouble, compared byte by byte: tests/faults/test_training_faults.py.
kills = pytest.mark.parametrize("kills", [1, 4])


@pytest.fixture
def run(tmp_path):
    with Run(tmp_path) as running:
        yield running


def check_rows(run, actor_id="a"):
    """Every row once, in order: sequence numbers without gap or repetition, and episodes that make sense."""
    replay = run.replay()
    storage = replay._storage
    numbers = storage.columns["sequence_numbers"][: storage.end]
    np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))
    assert replay.acknowledged(actor_id) == len(numbers)
    episodes, indices = (storage.columns[name][: storage.end] for name in ("episode_ids", "step_indices"))
    for episode in np.unique(episodes):
        np.testing.assert_array_equal(indices[episodes == episode], np.arange((episodes == episode).sum()))
    replay.close()
    return len(numbers)


def test_training_runs_to_the_last_step_and_every_process_ends_by_itself(run):
    learner = run.learner("--learner.max-env-steps", "120")
    actor = run.actor()
    assert learner.wait(WAIT_S) == 0
    assert actor.wait(WAIT_S) == 0
    rows = read_metrics(run.run_directory)
    assert rows[-1].env_steps >= 120
    # The rate limiter's tolerance on both sides: warm-up 20 steps, ratio 1, tolerance 4 steps.
    assert rows[-1].critic_updates <= rows[-1].env_steps - 20 + 4
    assert rows[-1].critic_updates >= rows[-1].env_steps - 20 - CONFIG.learner.lead_steps
    assert checkpoints.read_manifest(run.run_directory / "checkpoint")["phase"] == "PHASE_FINISHED"
    check_rows(run)


@kills
@pytest.mark.slow
@pytest.mark.real_time
def test_killed_actor_loses_and_repeats_nothing_and_is_back_within_two_seconds(run, kills):
    run.learner(*ENDLESS)
    actor = run.actor(*NEVER_EVALUATED)
    for _ in range(kills):
        run.wait_for_steps(run.progress().environment_step_count + random.randint(30, 90))
        actor.signal(signal.SIGKILL)
        actor.wait(WAIT_S)
        acknowledged = run.progress().environment_step_count
        actor = run.actor(*NEVER_EVALUATED)
        run.wait_for_steps(acknowledged + 1, timeout_s=2.0)
    run.stop()
    assert check_rows(run) > 30


@kills
@pytest.mark.slow
def test_killed_learner_keeps_what_it_acknowledged_and_its_demonstrations_and_resumes(run, tmp_path, kills):
    path, env = tmp_path / "demonstrations.episodes", make_environment(CONFIG.environment)
    record(env, CONFIG, path)
    learner = run.learner("--demonstrations", str(path), *ENDLESS)
    actor = run.actor(*NEVER_EVALUATED)
    held = run.wait_for_demonstrations()
    for _ in range(kills):
        run.wait_for_steps(run.progress().environment_step_count + random.randint(60, 150))
        before = run.progress()
        learner.signal(signal.SIGKILL)
        learner.wait(WAIT_S)
        learner = run.learner("--resume", *ENDLESS)
        after = run.progress()
        assert after.run_id == before.run_id
        assert after.environment_step_count >= before.environment_step_count
        assert run.wait_for_demonstrations() == held
        run.wait_for_steps(after.environment_step_count + 1)
    assert actor.poll() is None
    run.stop()
    check_rows(run)


@pytest.fixture
def refused(capsys, monkeypatch):
    """Runs a command in this process and returns how it ended and what it said."""
    monkeypatch.setattr(StopSignal, "install", lambda self: self)  # Signals stay the tests' own.

    def run(*arguments):
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        return exited.value.code, capsys.readouterr().err

    return run


def test_a_run_ends_with_0_at_ctrl_c_goes_on_with_its_counts_and_refuses_what_does_not_fit(run, refused):
    learner = run.learner(*ENDLESS)
    actor = run.actor(*NEVER_EVALUATED)
    run.wait_for_steps(60)
    code, said = refused(
        "actor", "--preset", "debug", "--learner-address", run.address, "--spool-directory", run.folder / "other",
        "--sac.hidden-sizes", "8",
    )  # fmt: skip
    assert code == 1
    assert "sac.hidden_sizes differs: the actor has 8, the learner 16,16" in said
    actor.signal(signal.SIGINT)
    assert actor.wait(WAIT_S) == 0
    learner.signal(signal.SIGINT)
    assert learner.wait(WAIT_S) == 0
    check_rows(run)
    saved = checkpoints.read_manifest(checkpoints.newest(run.run_directory / "checkpoints"))
    learner = run.learner("--resume", *ENDLESS)
    assert run.progress().critic_update_count == saved["critic_updates"]
    assert run.progress().environment_step_count == saved["env_steps"]
    learner.stop()
    again = ("learner", "--preset", "debug", "--run-directory", run.run_directory)
    code, said = refused(*again)
    assert code == 2
    assert "--resume" in said
    newest = checkpoints.newest(run.run_directory / "checkpoints")
    with (newest / checkpoints.AGENT).open("r+b") as file:
        file.seek(100)
        file.write(b"damage")
    with pytest.raises(CheckpointError, match="corrupt"):
        checkpoints.read_manifest(newest)
    code, said = refused(*again, "--resume")
    assert code == 1
    assert "corrupt" in said


def test_training_that_diverges_ends_in_a_sentence_and_spoils_no_checkpoint(run):
    learner = run.learner(*ENDLESS)
    actor = run.actor(*NEVER_EVALUATED)
    run.wait_for_steps(40)
    assert learner.stop() == 0
    good = checkpoints.newest(run.run_directory / "checkpoints")
    often = ("--learner.checkpoint-period-s", "0.01", "--learner.kept-checkpoints", "1")
    learner = run.learner("--resume", *ENDLESS, *often, "--sac.learning-rate", "1e30")
    assert learner.wait(WAIT_S) == 1
    assert "training diverged: " in learner.last_words()
    actor.stop()
    newest = checkpoints.newest(run.run_directory / "checkpoints")
    assert int(newest.name) >= int(good.name)
    checkpoints.read_manifest(newest)
    tensors = checkpoints.load_tensors(newest, checkpoints.AGENT)
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    check_rows(run)


def test_ctrl_c_before_any_actor_ends_the_learner_with_0(run):
    learner = run.learner()
    learner.signal(signal.SIGINT)
    assert learner.wait(WAIT_S) == 0


@pytest.mark.slow
def test_two_actors_share_one_learner(run):
    learner = run.learner("--learner.max-env-steps", "400")
    actors = [run.actor(actor_id=name, is_awaited=False) for name in ("a", "b")]
    assert learner.wait(WAIT_S) == 0
    assert [actor.wait(WAIT_S) for actor in actors] == [0, 0]
    replay = run.replay()
    assert replay.acknowledged("a") > 0
    assert replay.acknowledged("b") > 0
    kinds = replay._storage.columns["row_kinds"][: replay._storage.end]
    assert (kinds != RowKind.FINAL).sum() == replay.environment_step_count
    replay.close()
