"""What `serl-train learner` refuses at once, and what a resumed run remembers."""

import json

import numpy as np
import pytest

from serl_api.lifetime.stop_signal import StopSignal
from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_rl.__main__ import parse
from serl_rl.config.presets import preset
from serl_rl.config.train import to_json

POINT = {
    "observations": {"state": [[2], "float32"]},
    "action": [[2], "float32"],
    "state_components": ["position.x", "position.y"],
}


def write_file(path, *, task="serl/PointMass-v0", specification=POINT):
    with EpisodeWriter(path, EpisodeHeader(task=task, specification=specification)) as writer:
        writer.append(
            Episode(
                observations={"state": np.zeros((3, 2), np.float32)},
                actions=np.zeros((2, 2), np.float32),
                rewards=np.zeros(2),
                terminated=True,
                truncated=False,
                interventions=np.ones(2, bool),
                stamps_ns=np.arange(3),
                success=True,
            )
        )
    return path


class LearnerBuiltError(Exception):
    """A learner is being built: from here on it would load, wait for an actor, and compile."""


@pytest.fixture(autouse=True)
def built(monkeypatch):
    """Arguments of learners that were built; none of them runs."""
    made = []

    def build(*positional, **named):
        made.append(named)
        raise LearnerBuiltError

    monkeypatch.setattr("serl_rl.learner.loop.Learner", build)
    monkeypatch.setattr(StopSignal, "install", lambda self: self)  # Signals stay the tests' own.
    return made


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task": "serl/PegInsert-v0"}, "holds episodes of serl/PegInsert-v0, but the experiment is serl/PointMass-v0"),
        ({"specification": POINT | {"action": [[7], "float32"]}}, "action.shape is (7,), not (2,)"),
        ({"specification": POINT | {"observations": {"wrist": [[8, 8, 3], "uint8"]}}}, "does not fit serl/PointMass"),
    ],
)
def test_foreign_demonstrations_are_refused_before_anything_is_built(run, built, tmp_path, changes, sentence):
    path = write_file(tmp_path / "a.episodes", **changes)
    folder = tmp_path / "run"
    code, _, said = run("learner", "--preset", "debug", "--run-directory", folder, "--demonstrations", path)
    assert code == 2
    assert f"serl-train: {path}" in said
    assert sentence in said
    assert not built
    assert not folder.exists()


def test_a_file_that_is_no_episode_file_is_refused_before_anything_is_built(run, built, tmp_path):
    path = tmp_path / "a.episodes"
    path.write_text("hello")
    code, _, said = run("learner", "--preset", "debug", "--run-directory", tmp_path / "run", "--demonstrations", path)
    assert code == 1
    assert f"{path} is not an episode file" in said
    assert not built


def test_vice_without_goals_is_refused_before_anything_is_built(run, built, tmp_path):
    code, _, said = run("learner", "--preset", "debug-vice", "--run-directory", tmp_path / "run")
    assert code == 2
    assert "vice needs goals" in said
    assert not built


def test_demonstrations_that_fit_are_learned_from(built, tmp_path):
    path = write_file(tmp_path / "a.episodes")
    arguments = ["--run-directory", str(tmp_path / "run"), "--demonstrations", str(path)]
    with pytest.raises(LearnerBuiltError):
        parse(["learner", "--preset", "debug", *arguments]).run()
    assert built[0]["demonstrations"] == (path,)


@pytest.fixture
def stopped_run(tmp_path):
    """Folder of a run that was stopped, and the file that it learned from."""
    folder, path = tmp_path / "run", write_file(tmp_path / "a.episodes")
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"run_id": "1", "demonstrations": [str(path)]}))
    (folder / "config.json").write_text(to_json(preset("debug")).replace('"seed": 0', '"seed": 7'))
    return folder, path


def test_a_resumed_run_goes_on_with_its_settings_and_demonstrations(built, stopped_run):
    folder, path = stopped_run
    command = parse(["learner", "--run-directory", str(folder), "--resume", "--sac.discount", "0.5"])
    assert command.config.environment.id == "serl/PointMass-v0"
    assert (command.config.seed, command.config.sac.discount) == (7, 0.5)
    with pytest.raises(LearnerBuiltError):
        command.run()
    assert built[0]["demonstrations"] == (path,)


def test_a_resumed_run_takes_what_it_is_given(built, stopped_run, tmp_path):
    other = write_file(tmp_path / "b.episodes")
    arguments = ["--run-directory", str(stopped_run[0]), "--resume", "--preset", "debug", "--demonstrations"]
    command = parse(["learner", *arguments, str(other)])
    assert command.config.seed == preset("debug").seed
    with pytest.raises(LearnerBuiltError):
        command.run()
    assert built[0]["demonstrations"] == (other,)


def test_demonstrations_that_a_resumed_run_lost_are_named(run, built, stopped_run):
    folder, path = stopped_run
    path.unlink()
    code, _, said = run("learner", "--run-directory", folder, "--resume")
    assert code == 2
    assert f"there is no demonstration file {path}" in said
    assert not built
