"""`serl-train inspect`: every kind of damage is named, mended where it can be, and what was there is kept."""

import json
import shutil

import numpy as np
import pytest
import torch

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter, read_episodes
from serl_rl.__main__ import parse
from serl_rl.actor.rows import make_row, row_type
from serl_rl.actor.spool import Spool
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.presets import preset
from serl_rl.config.train import to_dict
from serl_rl.errors import UsageError
from serl_rl.inspection.run import inspect
from serl_rl.monitoring.metrics import MetricsRow, MetricsWriter
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import rows_from_proto
from tests.support.learners import SPEC, batch

ROWS, WAITING, CAPACITY = 12, 5, 30


def write_replay(folder):
    replay = ReplayBuffer(SPEC, CAPACITY, folder)
    for actor in ("a", "b"):
        request = batch(1, ROWS, actor)
        replay.append(rows_from_proto(request.batch, SPEC, actor_id=actor, first_sequence_number=1))
    replay.close()


def write_spool(folder):
    spool = Spool(folder, row_type(SPEC), "r1/a", 1_000_000)
    for number in range(1, ROWS + WAITING + 1):
        spool.append(make_row(spool.row_type, {"state": np.zeros(3, np.float32)}, episode_id=1, step_index=number))
    spool.close()


def write_episodes(path, count=3, steps=4):
    episode = Episode(
        observations={"state": np.zeros((steps + 1, 3), np.float32)},
        actions=np.zeros((steps, 2), np.float32),
        rewards=np.zeros(steps),
        terminated=True,
        truncated=False,
        interventions=np.ones(steps, bool),
        stamps_ns=np.arange(steps + 1),
        success=True,
    )
    with EpisodeWriter(path, EpisodeHeader(task="test")) as writer:
        for _ in range(count):
            writer.append(episode)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The folder of a sound run."""
    run = RunDirectory(tmp_path_factory.mktemp("inspect") / "run")
    run.demonstrations.parent.mkdir(parents=True)
    write_json(run.run, {"run_id": "r1", "demonstrations": []})
    write_json(run.config, to_dict(preset("debug")))
    manifest = {"env_steps": 20, "critic_updates": 7, "policy_version": 8, "phase": "PHASE_TRAINING", "saved_at": "now"}
    for number in (3, 7):
        saved = checkpoints.Checkpoint(manifest, {"w": torch.ones(4)}, {"p": torch.ones(2)})
        checkpoints.save(saved, run.checkpoints / f"{number:010d}")
    write_replay(run.replay)
    write_spool(run.path / "spool" / "a")
    write_episodes(run.demonstrations)
    writer = MetricsWriter(run.path, tensorboard=False)
    writer.write(MetricsRow(wall_time_s=1, env_steps=20, critic_updates=7, policy_updates=7, evaluation_episodes=5))
    return run.path


@pytest.fixture
def run(sound, tmp_path):
    return RunDirectory(shutil.copytree(sound, tmp_path / "run"))


def damages(path):
    return [finding for report in inspect(path) for finding in report.findings if finding.is_damage]


def repaired(path):
    """Repairs, and inspects again."""
    parse(["inspect", str(path), "--repair"]).run()
    return inspect(path)[0]


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset, 0 if offset >= 0 else 2)
        file.write(data)


def test_a_sound_run_is_described_and_left_as_it_is(run, capsys):
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert parse(["inspect", str(run.path), "--json"]).run() == 0
    (report,) = json.loads(capsys.readouterr().out)
    contents = report["contents"]
    assert report["sound"]
    assert contents["config"]["environment"] == "serl/PointMass-v0"
    assert [entry["digests"] for entry in contents["checkpoints"]] == ["match", "match"]
    assert contents["replay"]["actors"] == {name: {"rows": ROWS, "acknowledged": ROWS} for name in ("a", "b")}
    (spool,) = contents["spools"].values()
    assert (spool["rows"], spool["waiting"]) == (ROWS + WAITING, WAITING)
    assert contents["demonstrations"][str(run.demonstrations)]["successes"] == 3
    assert [entry["episodes"] for entry in contents["metrics"]["evaluations"]] == [5]
    assert report["resume"] == f"serl-train learner --run-directory {run.path} --resume"
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_people_read_the_same(run, capsys):
    assert parse(["inspect", str(run.path)]).run() == 0
    text = capsys.readouterr().out
    assert text.startswith(f"run {run.path}: sound\n")
    assert f"  go on with: serl-train learner --run-directory {run.path} --resume" in text


def test_a_damaged_checkpoint_is_set_aside(run):
    newest = checkpoints.newest(run.checkpoints)
    overwrite(newest / checkpoints.AGENT, 60, b"damage")
    (damage,) = damages(run.path)
    assert "agent.safetensors is missing or damaged" in damage.text
    assert repaired(run.path).is_sound
    assert checkpoints.newest(run.checkpoints).name == "0000000003"
    assert len([path for path in run.checkpoints.iterdir() if "original" in path.name]) == 1


def test_a_final_checkpoint_that_was_being_replaced_comes_back(run):
    checkpoints.newest(run.checkpoints).rename(run.path / ".checkpoint.old")
    assert len(damages(run.path)) == 1
    assert repaired(run.path).is_sound
    assert run.final_checkpoint.is_dir()


@pytest.mark.parametrize("how", ["missing", "zeros", "short"])
def test_a_lost_header_is_made_anew_from_the_rows(run, how):
    header = run.replay / "header.bin"
    content = header.read_bytes()
    header.write_bytes({"missing": b"", "zeros": bytes(len(content)), "short": content[:8]}[how])
    if how == "missing":
        header.unlink()
    (damage,) = damages(run.path)
    assert damage.repair.text == f"make it anew from the {2 * ROWS} rows of 2 actors that are there"
    assert repaired(run.path).is_sound
    assert header.read_bytes() == content
    with_original = [path for path in run.replay.iterdir() if "original" in path.name]
    assert len(with_original) == (how != "missing")
    replay = ReplayBuffer(SPEC, CAPACITY, run.replay)
    assert replay.acknowledged("b") == ROWS
    replay.close()


def test_rows_that_are_there_twice_are_counted(run):
    overwrite(run.replay / "sequence_numbers.bin", 8 * 5, (5).to_bytes(8, "little"))
    (damage,) = damages(run.path)
    assert damage.text == "1 rows of actor 'a' are there twice"


def test_rows_that_are_missing_are_counted(run):
    overwrite(run.replay / "sequence_numbers.bin", 8 * (ROWS - 1), (ROWS + 3).to_bytes(8, "little"))
    (damage,) = damages(run.path)
    assert "3 rows of actor 'a' are missing" in damage.text


def test_rows_that_were_acknowledged_and_are_not_there_are_named(run):
    overwrite(run.replay / "acknowledged.bin", 0, (ROWS + 40).to_bytes(8, "little"))
    assert f"actor 'a' was told that row {ROWS + 40} is there, but the last is {ROWS}" in [
        damage.text for damage in damages(run.path)
    ]


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("rewards", np.array([np.nan], np.float32).tobytes(), "NaN or infinite"),
        ("row_kinds", b"\x09", "kinds that do not exist"),
        ("actors", (7).to_bytes(4, "little"), "more than the 2 actors"),
        ("actor_names", bytes(64), "names of its 2 actors are damaged"),
    ],
)
def test_columns_that_cannot_be_are_named(run, name, data, text):
    overwrite(run.replay / f"{name}.bin", 0, data)
    assert any(text in damage.text for damage in damages(run.path))


def test_a_truncated_column_is_named_with_its_size(run):
    path = run.replay / "rewards.bin"
    path.write_bytes(path.read_bytes()[:10])
    (damage,) = damages(run.path)
    assert f"has 10 bytes instead of {4 * CAPACITY}" in damage.text


@pytest.mark.parametrize("name", ["run.json", "config.json", "replay/layout.json"])
def test_an_unreadable_description_is_named(run, name):
    (run.path / name).write_text("{")
    assert str(run.path / name) in [str(damage.where) for damage in damages(run.path)]


def test_a_torn_row_of_a_spool_is_no_damage_and_a_changed_one_is(run):
    (segment,) = (run.path / "spool" / "a").glob("rows-*.spool")
    with segment.open("ab") as file:
        file.write(b"torn")
    assert not damages(run.path)
    overwrite(segment, -200, b"damage")
    (damage,) = damages(run.path)
    assert "rows from row" in damage.text


def test_a_foreign_spool_file_is_set_aside(run):
    foreign = run.path / "spool" / "a" / "rows-0000000000000000.spool"
    foreign.write_bytes(b"something else")
    assert len(damages(run.path)) == 1
    assert repaired(run.path).is_sound


def test_damaged_and_torn_episodes_are_left_out_of_a_new_file(run):
    path = run.demonstrations
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    overwrite(path, len(content) // 2, b"damage")
    found = damages(run.path)
    assert ["damaged and was left out" in found[0].text, "ends within an episode" in found[1].text] == [True, True]
    assert repaired(path).is_sound
    assert len(read_episodes(path)) == 1
    kept = path.with_name(f"{path.name}.original-1")
    assert kept.stat().st_size == len(content) - 10


def test_an_episode_file_without_a_header_is_named(tmp_path):
    path = tmp_path / "a.episodes"
    write_episodes(path)
    path.write_bytes(path.read_bytes()[:20])
    (damage,) = damages(path)
    assert "cut within its header" in damage.text


def test_metrics_that_cannot_be_read_are_counted(run):
    with (run.path / "metrics.csv").open("ab") as file:
        file.write(b"1,2\n\x00\xff\n" + b"x," * 20 + b"\n")
    (report,) = inspect(run.path)
    assert "3 lines cannot be read" in [finding.text for finding in report.findings][-1]


def test_a_run_in_use_is_read_as_far_as_it_is_safe_and_never_repaired(run):
    replay = ReplayBuffer(SPEC, CAPACITY, run.replay)
    (report,) = inspect(run.path)
    assert report.contents["replay"] == {"in_use": True}
    assert report.is_sound
    with pytest.raises(UsageError, match="in use; stop its learner"):
        parse(["inspect", str(run.path), "--repair"]).run()
    replay.close()


def test_what_is_neither_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError):
            inspect(path)
