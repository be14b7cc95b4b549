"""Data sets of strangers, written here by the letter of LeRobot's format, with pyarrow and av alone."""

import json

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from serl_rl.datasets.conversion import import_episodes
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.lerobot.reading import LeRobotSource
from serl_rl.datasets.source import INSTRUCTION, REPEATED_FINAL
from tests.support.episodes import picture

LENGTHS = (5, 8)
FPS = 10
FEATURES = {
    "action": {"dtype": "float32", "shape": [2], "names": ["x", "y"]},
    "observation.state": {"dtype": "float32", "shape": [3], "names": ["a", "b", "c"]},
    "observation.images.top": {"dtype": "video", "shape": [3, 32, 48], "names": ["channels", "height", "width"]},
    "next.reward": {"dtype": "float32", "shape": [1], "names": None},
    "next.done": {"dtype": "bool", "shape": [1], "names": None},
    "note": {"dtype": "string", "shape": [1], "names": None},
    "speed": {"dtype": "float64", "shape": [1], "names": None},
    **{
        name: {"dtype": "float32" if name == "timestamp" else "int64", "shape": [1], "names": None}
        for name in ("timestamp", "frame_index", "episode_index", "index", "task_index")
    },
}


def rows(number, length, done):
    rng = np.random.default_rng(number)
    steps = np.arange(length)
    return {
        "action": rng.standard_normal((length, 2)).astype(np.float32),
        "observation.state": rng.standard_normal((length, 3)).astype(np.float32),
        "next.reward": (steps == length - 1).astype(np.float32),
        "next.done": (steps == length - 1) & done,
        "speed": rng.standard_normal(length),
        "timestamp": (steps / FPS).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(length, number),
        "index": sum(LENGTHS[:number]) + steps,
        "task_index": np.zeros(length, np.int64),
    }


def table(values):
    """Lists without a fixed size, as LeRobot's readers take as well."""
    columns = {name: pa.array(list(value) if value.ndim > 1 else value) for name, value in values.items()}
    return pa.table(columns | {"note": ["hello"] * len(values["index"])})


def video(path, images):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "10"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_json(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(9)
    return [np.stack([picture(rng, 32, 48) for _ in range(length)]) for length in LENGTHS]


@pytest.fixture(scope="module", params=["v3.0", "v2.1"])
def dataset(request, images, tmp_path_factory):
    """Two episodes: one that the task ended, one that just ends."""
    root = tmp_path_factory.mktemp("stranger")
    info = {"codebase_version": request.param, "fps": FPS, "features": FEATURES, "total_episodes": 2}
    episodes = [rows(number, length, done=number == 0) for number, length in enumerate(LENGTHS)]
    is_new = request.param == "v3.0"
    template = "{chunk_index:03d}/file-{file_index:03d}" if is_new else "{episode_chunk:03d}"
    (root / "data/chunk-000").mkdir(parents=True)
    if is_new:
        write_json(
            root / "meta/info.json",
            info
            | {
                "data_path": f"data/chunk-{template}.parquet",
                "video_path": f"videos/{{video_key}}/chunk-{template}.mp4",
            },
        )
        joined = {name: np.concatenate([one[name] for one in episodes]) for name in episodes[0]}
        parquet.write_table(table(joined), root / "data/chunk-000/file-000.parquet")
        video(root / "videos/observation.images.top/chunk-000/file-000.mp4", np.concatenate(images))
        listed = [
            {
                "episode_index": number,
                "length": length,
                "tasks": ["stack it"],
                "data/chunk_index": 0,
                "data/file_index": 0,
                "videos/observation.images.top/chunk_index": 0,
                "videos/observation.images.top/file_index": 0,
                "videos/observation.images.top/from_timestamp": sum(LENGTHS[:number]) / FPS,
            }
            for number, length in enumerate(LENGTHS)
        ]
        (root / "meta/episodes/chunk-000").mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(listed), root / "meta/episodes/chunk-000/file-000.parquet")
    else:
        write_json(
            root / "meta/info.json",
            info
            | {
                "chunks_size": 1000,
                "data_path": f"data/chunk-{template}/episode_{{episode_index:06d}}.parquet",
                "video_path": f"videos/chunk-{template}/{{video_key}}/episode_{{episode_index:06d}}.mp4",
            },
        )
        for number, values in enumerate(episodes):
            parquet.write_table(table(values), root / f"data/chunk-000/episode_{number:06d}.parquet")
            video(root / f"videos/chunk-000/observation.images.top/episode_{number:06d}.mp4", images[number])
        lines = [
            json.dumps({"episode_index": number, "length": length, "tasks": ["stack it"]})
            for number, length in enumerate(LENGTHS)
        ]
        (root / "meta/episodes.jsonl").write_text("\n".join(lines) + "\n")
    return root, episodes


def test_a_strangers_data_set_is_read(dataset, images):
    root, written = dataset
    source = open_episodes(root)
    assert source.header.specification["state_components"] == ["a", "b", "c"]
    episode = source.episode(0)
    np.testing.assert_array_equal(episode.actions, written[0]["action"], strict=True)
    np.testing.assert_array_equal(episode.observations["state"][:5], written[0]["observation.state"], strict=True)
    np.testing.assert_array_equal(episode.sensors["speed"][:5, 0], written[0]["speed"])
    assert episode.observations["top"].shape == (6, 32, 48, 3)
    assert np.abs(episode.observations["top"][:5].astype(int) - images[0]).mean() < 3
    assert episode.metadata[INSTRUCTION] == "stack it"
    assert (episode.control_rate_hz, episode.stamps_ns.tolist()[1]) == (10.0, 100_000_000)
    assert np.abs(source.images(1, 6, ["top"])["top"].astype(int) - images[1][6]).mean() < 3


def test_no_observation_is_made_up_where_it_would_be_learned_from(dataset):
    root, written = dataset
    source = LeRobotSource(root)
    assert list(source.lengths) == [5, 7]
    ended, cut = source.episode(0), source.episode(1)
    assert ended.terminated
    assert ended.metadata[REPEATED_FINAL]
    assert ended.rewards.tolist() == [0, 0, 0, 0, 1]
    assert not cut.terminated
    assert REPEATED_FINAL not in cut.metadata
    np.testing.assert_array_equal(cut.observations["state"], written[1]["observation.state"])
    np.testing.assert_array_equal(cut.actions, written[1]["action"][:-1])


def test_it_becomes_an_episode_file(dataset, tmp_path):
    import_episodes(LeRobotSource(dataset[0]), tmp_path / "own", task="serl/PickCube-v0")
    own = open_episodes(tmp_path / "own")
    assert own.header.task == "serl/PickCube-v0"
    assert own.header.specification["observations"]["top"] == [[32, 48, 3], "uint8"]
    assert [len(own.episode(number)) for number in range(2)] == [5, 7]
