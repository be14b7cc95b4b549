import json
import sys

import pytest

from serl_rl.datasets.finding import open_episodes
from tests.support.episodes import assert_same_episode, full_episode, write_episodes


@pytest.fixture
def own(tmp_path):
    return write_episodes(tmp_path / "own.episodes", [full_episode(seed=seed) for seed in range(2)])


def test_there_and_back(run, own, tmp_path):
    code, _, said = run("export", own, tmp_path / "set", "--format", "lerobot", "--images", "png")
    assert (code, said) == (0, f"wrote 2 episodes to {tmp_path / 'set'}\n")
    code, _, said = run("import", tmp_path / "set", tmp_path / "back.episodes", "--format", "lerobot")
    assert (code, said) == (0, f"wrote 2 episodes to {tmp_path / 'back.episodes'}\n")
    assert_same_episode(open_episodes(tmp_path / "back.episodes").episode(1), full_episode(seed=1))


def test_nothing_that_exists_is_written_over(run, own, tmp_path):
    code, _, said = run("export", own, own)
    assert (code, said.count("\n")) == (2, 1)
    assert "exists already" in said
    code, _, said = run("import", tmp_path, own, "--format", "lerobot")
    assert code == 2


def test_a_wrong_input_is_one_sentence(run, own, tmp_path):
    code, _, said = run("import", tmp_path, tmp_path / "x", "--format", "lerobot")
    assert (code, said.count("\n")) == (1, 1)
    assert "is its folder a LeRobot data set?" in said
    assert not (tmp_path / "x").exists()


def test_a_missing_library_names_the_extra(run, own, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    code, _, said = run("export", own, tmp_path / "set")
    assert (code, said.count("\n")) == (1, 1)
    assert "pyarrow is not installed" in said
    assert "serl-robot[datasets]" in said


def test_times_of_sensors_are_listed(run, own):
    code, table, _ = run("review", own, "--timing")
    assert code == 0
    assert table.count("camera/front") == table.count("arm") == 2
    assert table.endswith("2 episodes, 0 late steps\n")
    code, listed, _ = run("review", own, "--timing", "--json")
    assert [sensor["sensor"] for sensor in json.loads(listed)[0]["sensors"]] == ["arm", "camera/front"]


@pytest.mark.parametrize(
    ("format_name", "images", "text"), [("lerobot", "jpeg", "lerobot takes video or png"), ("aloha", "png", "raw or")]
)
def test_pictures_of_the_other_format_are_refused(run, own, tmp_path, format_name, images, text):
    code, _, said = run("export", own, tmp_path / "x", "--format", format_name, "--images", images)
    assert (code, said.count("\n")) == (2, 1)
    assert text in said
