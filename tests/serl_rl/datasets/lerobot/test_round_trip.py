import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serl_rl.datasets.conversion import episodes_of, import_episodes
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.lerobot.reading import LeRobotSource
from serl_rl.datasets.lerobot.writing import LeRobotOptions, write_lerobot
from serl_rl.errors import DatasetError
from tests.support.episodes import HEADER, assert_same_episode, full_episode, write_episodes


@pytest.fixture(scope="module")
def episodes():
    return [
        full_episode(steps=12, seed=0),
        full_episode(steps=7, seed=1, terminated=False, truncated=True, success=False),
        full_episode(steps=30, seed=2, metadata={"instruction": "lift it"}),
    ]


@pytest.fixture(scope="module", params=["video", "png"])
def written(request, episodes, tmp_path_factory):
    """A data set of those episodes, and how exact its pictures are."""
    path = tmp_path_factory.mktemp("lerobot") / "cube"
    assert write_lerobot(path, HEADER, episodes, LeRobotOptions(images=request.param)) == len(episodes)
    return path, request.param == "png"


def test_what_was_exported_comes_back(written, episodes):
    path, is_exact = written
    source = open_episodes(path)
    assert (source.header, list(source.lengths)) == (HEADER, [12, 7, 30])
    for number, episode in enumerate(episodes):
        found = source.episode(number)
        assert_same_episode(found, episode, images=is_exact)
        errors = found.observations["front"].astype(int) - episode.observations["front"]
        assert np.abs(errors).mean() < 4.0


def test_single_pictures_are_those_of_the_episode(written, episodes):
    source = open_episodes(written[0])
    for number, index in ((0, 0), (1, 3), (2, 30), (0, 12), (2, 17)):
        whole = source.episode(number).observations["side"][index]
        np.testing.assert_array_equal(source.images(number, index, ["side"])["side"], whole)


def test_an_episode_file_becomes_the_same_episode_file(episodes, tmp_path):
    own = open_episodes(write_episodes(tmp_path / "cube.episodes", episodes))
    write_lerobot(tmp_path / "set", own.header, episodes_of(own), LeRobotOptions(images="png"))
    import_episodes(open_episodes(tmp_path / "set"), tmp_path / "back.episodes")
    assert (tmp_path / "back.episodes").read_bytes() == (tmp_path / "cube.episodes").read_bytes()


numbers = st.floats(width=32, allow_nan=False) | st.just(float("inf"))


@settings(max_examples=15)
@given(data=st.data(), steps=st.integers(1, 4))
def test_every_number_comes_back_to_the_bit(tmp_path_factory, data, steps):
    def draw(count, dtype):
        values = data.draw(st.lists(numbers, min_size=count, max_size=count))
        return np.array(values, dtype)

    episode = replace(
        full_episode(steps=steps),
        observations={"state": draw((steps + 1) * 3, np.float32).reshape(steps + 1, 3)},
        sensors={
            "one": draw(steps + 1, np.float64)[:, None],
            "flat": draw(steps + 1, np.float64),
            "grid": draw((steps + 1) * 6, np.float32).reshape(steps + 1, 2, 3),
            "depth/front": np.arange((steps + 1) * 4, dtype=np.uint16).reshape(steps + 1, 2, 2),
        },
        grasp_penalties=draw(steps, np.float32),
    )
    path = tmp_path_factory.mktemp("set") / "set"
    write_lerobot(path, HEADER, [episode])
    assert_same_episode(LeRobotSource(path).episode(0), episode)


def test_others_find_what_they_look_for(written):
    """Read with pyarrow alone, by the names of LeRobot's documentation."""
    import pyarrow.parquet as parquet

    path = written[0]
    info = json.loads((path / "meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_episodes"]) == ("v3.0", 20, 3)
    assert info["features"]["observation.state"]["names"] == HEADER.specification["state_components"]
    data = parquet.read_table(path / "data/chunk-000/file-000.parquet").to_pydict()
    assert data["index"] == list(range(49))
    assert data["timestamp"][12:15] == [0.0, np.float32(0.05), np.float32(0.1)]
    assert [index for index, done in enumerate(data["next.done"]) if done] == [11, 18, 48]
    assert (
        data["skew_ns.camera.front"][3]
        == data["capture_time_ns.camera.front"][3] - data["capture_time_ns.reference"][3]
    )
    episodes = parquet.read_table(path / "meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert episodes["dataset_from_index"] == [0, 12, 19]
    tasks = parquet.read_table(path / "meta/tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    assert tasks.to_pydict() == {"task_index": [0, 1], "task": ["serl/PickCubeVision-v0", "lift it"]}
    statistics = json.loads((path / "meta/stats.json").read_text())
    states = np.array(data["observation.state"])
    np.testing.assert_allclose(statistics["observation.state"]["mean"], states.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(statistics["observation.state"]["q50"], np.median(states, axis=0), atol=1e-6)
    assert np.shape(statistics["observation.images.front"]["mean"]) == (3, 1, 1)


def test_lerobot_doctor_finds_nothing_broken(tmp_path):
    """Warnings are about short episodes and columns that never change; a failure is a failure."""
    write_lerobot(tmp_path / "set", HEADER, [full_episode(steps=40, seed=seed) for seed in range(2)])
    program = "import sys; from lerobot_doctor.cli import main; sys.exit(main())"
    arguments = ["check", str(tmp_path / "set"), "--ci", "--fail-on", "fail"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path):
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from serl_rl.datasets.lerobot.writing import write_lerobot
        from tests.support.episodes import HEADER, full_episode
        write_lerobot(
            Path(sys.argv[1]), HEADER, (full_episode(seed=seed) for seed in range(9)), None,
            lambda count: count == 5 and os.kill(os.getpid(), signal.SIGKILL),
        )
        """
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "set").exists()
    write_lerobot(tmp_path / "set", HEADER, [full_episode()])
    assert os.listdir(tmp_path) == ["set"]
    assert list(open_episodes(tmp_path / "set").lengths) == [6]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sensors": {}}, r"episode 1 cannot be exported: has no sensors\[joint_positions\]"),
        ({"actions": np.zeros((6, 3), np.float32)}, r"has actions of shape \(3,\)"),
        ({"observations": {}}, r"has no observations\[front\]"),
    ],
)
def test_an_episode_of_another_kind_is_refused_and_nothing_stays(tmp_path, change, text):
    with pytest.raises(DatasetError, match=text):
        write_lerobot(tmp_path / "set", HEADER, [full_episode(), full_episode(**change)])
    assert not list(tmp_path.iterdir())


def test_a_rate_between_whole_frames_is_asked_for(tmp_path):
    episode = full_episode(control_rate_hz=7.5)
    with pytest.raises(DatasetError, match=r"runs at 7.5 Hz.*give --fps"):
        write_lerobot(tmp_path / "set", HEADER, [episode])
    write_lerobot(tmp_path / "set", HEADER, [episode], LeRobotOptions(fps=8))
    assert LeRobotSource(tmp_path / "set").episode(0).control_rate_hz == 7.5


def test_odd_pictures_fit_no_video(tmp_path):
    odd = full_episode(observations={"front": np.zeros((7, 33, 20, 3), np.uint8)})
    with pytest.raises(DatasetError, match="33 x 20 px fit no video; add --images png"):
        write_lerobot(tmp_path / "set", HEADER, [odd])


def test_without_an_episode_there_is_nothing_to_export(tmp_path):
    with pytest.raises(DatasetError, match="no episode with a step"):
        write_lerobot(tmp_path / "set", HEADER, [full_episode(steps=0)])


@pytest.fixture
def copied(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "copy")


def shorten(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_metadata(path, text):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    column = pa.array([text] * len(table), pa.string())
    parquet.write_table(table.set_column(table.column_names.index("metadata"), "metadata", column), path)


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda root: shorten(root / "meta/info.json"), "is no JSON"),
        (lambda root: (root / "meta/info.json").write_text("[1]"), "no JSON object"),
        (lambda root: rewrite(root / "meta/info.json", codebase_version="v1.6"), "is of version v1.6"),
        (lambda root: rewrite(root / "meta/info.json", fps=0), "does not say what it holds"),
        (lambda root: rewrite(root / "meta/info.json", total_episodes=9), "counts 9 episodes, and 3 are listed"),
        (lambda root: rewrite(root / "meta/info.json", data_path="../../{chunk_index}"), "lies outside of it"),
        (lambda root: rewrite(root / "meta/info.json", features={"a": {"dtype": "bool", "shape": [1]}}), "lacks"),
        (lambda root: shorten(root / "data/chunk-000/file-000.parquet"), "cannot read .*file-000.parquet"),
        (lambda root: (root / "data/chunk-000/file-000.parquet").unlink(), "cannot read .*file-000.parquet"),
        (lambda root: shorten(root / "meta/episodes/chunk-000/file-000.parquet"), "cannot read"),
        (lambda root: shutil.rmtree(root / "meta/episodes"), "and 0 are listed"),
        (lambda root: (root / "meta/serl_episodes.parquet").unlink(), "cannot read"),
        (lambda root: replace_metadata(root / "meta/serl_episodes.parquet", "{"), "episode 0 of .* is damaged"),
    ],
)
def test_a_damaged_data_set_is_refused_in_one_sentence(copied, damage, text):
    damage(copied)
    with pytest.raises(DatasetError, match=text) as refused:
        LeRobotSource(copied).episode(0)
    assert "\n" not in str(refused.value)


def test_a_truncated_video_is_refused_in_one_sentence(episodes, tmp_path):
    write_lerobot(tmp_path / "set", HEADER, episodes)
    video = tmp_path / "set/videos/observation.images.front/chunk-000/file-000.mp4"
    shorten(video)
    with pytest.raises(DatasetError, match=r"file-000\.mp4"):
        LeRobotSource(tmp_path / "set").episode(2)
    video.unlink()
    with pytest.raises(DatasetError, match=r"file-000\.mp4 cannot be read"):
        LeRobotSource(tmp_path / "set").images(0, 0, ["front"])


def test_a_camera_that_is_not_there_is_named(written):
    with pytest.raises(DatasetError, match="no camera 'top'; it has front, side"):
        LeRobotSource(written[0]).images(0, 0, ["top"])
