"""The walk-throughs of docs/data.md, run as they are printed: ALOHA's files to episodes, to LeRobot, to chunks."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from serl_rl.__main__ import main
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.normalization import Statistics
from tests.support.aloha_files import write_aloha_files
from tests.support.episodes import assert_same_episode

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
_MARKED = re.compile(r"^<!-- walk-through: (?P<name>\S+) -->\n```\w+\n(?P<text>.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def blocks():
    return {block["name"]: block["text"] for block in _MARKED.finditer(PAGE.read_text())}


def run(block):
    lines = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    assert lines
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "serl-train"
        with pytest.raises(SystemExit) as exited:
            main(arguments)
        assert exited.value.code == 0, line


def test_from_aloha_to_lerobot_and_to_batches(blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_aloha_files(Path("aloha/cube"))
    run(blocks["aloha"])
    own, again = open_episodes(Path("cube.episodes")), open_episodes(Path("aloha/again"))
    assert list(own.lengths) == list(again.lengths) == [40, 60, 50, 45]
    assert_same_episode(again.episode(2), own.episode(2))
    run(blocks["lerobot"])
    assert_same_episode(open_episodes(Path("back.episodes")).episode(1), own.episode(1), images=False)

    names: dict = {}
    exec(blocks["chunks"], names)
    batch = names["batch"]
    assert {name: tuple(tensor.shape[1:]) for name, tensor in batch.items()} == {
        "images": (3, 3, 120, 160),
        "state": (14,),
        "actions": (32, 16),
        "is_pad": (32,),
    }
    assert len(names["train"]) + len(names["valid"]) == 4
    kept = Statistics.from_dict(names["checkpoint"]["action"])
    torch.testing.assert_close(torch.tensor(kept.mean), torch.tensor(names["training"].statistics["action"].mean))
