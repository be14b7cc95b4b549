import io
import os
import signal
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest
from PIL import Image

from serl_rl.datasets.aloha.reading import AlohaSource
from serl_rl.datasets.aloha.writing import AlohaOptions, write_aloha
from serl_rl.datasets.conversion import episodes_of, import_episodes
from serl_rl.datasets.finding import open_episodes
from serl_rl.errors import DatasetError
from tests.support.episodes import HEADER, assert_same_episode, full_episode, picture, write_episodes


@pytest.fixture(scope="module")
def episodes():
    return [full_episode(steps=4 + seed, seed=seed) for seed in range(12)]


@pytest.fixture(scope="module", params=["raw", "jpeg"])
def written(request, episodes, tmp_path_factory):
    """A folder of those episodes, and how exact its pictures are."""
    path = tmp_path_factory.mktemp("aloha") / "cube"
    assert write_aloha(path, HEADER, episodes, AlohaOptions(images=request.param)) == len(episodes)
    return path, request.param == "raw"


def test_what_was_exported_comes_back_in_the_order_of_its_numbers(written, episodes):
    path, is_exact = written
    source = open_episodes(path)
    assert (source.header, list(source.lengths)) == (HEADER, [4 + seed for seed in range(12)])
    for number in (0, 2, 10):
        found = source.episode(number)
        assert_same_episode(found, episodes[number], images=is_exact)
        error = np.abs(found.observations["front"].astype(int) - episodes[number].observations["front"])
        assert error.mean() < 3
        for index in (1, len(found)):
            np.testing.assert_array_equal(
                source.images(number, index, ["front"])["front"], found.observations["front"][index]
            )


def test_an_episode_file_becomes_the_same_episode_file(episodes, tmp_path):
    own = open_episodes(write_episodes(tmp_path / "cube.episodes", episodes))
    write_aloha(tmp_path / "set", own.header, episodes_of(own))
    import_episodes(open_episodes(tmp_path / "set"), tmp_path / "back.episodes")
    assert (tmp_path / "back.episodes").read_bytes() == (tmp_path / "cube.episodes").read_bytes()


def test_others_find_the_original_layout(written, episodes):
    """Read with h5py alone, by the layout that ALOHA's own code reads."""
    path, is_exact = written
    with h5py.File(path / "episode_3.hdf5") as file:
        assert not file.attrs["sim"]
        steps = len(file["/action"])
        assert (steps, file["/action"].dtype) == (7, np.float64)
        joints = episodes[3].sensors["joint_positions"][:steps]
        np.testing.assert_array_equal(file["/observations/qpos"][:, :7], joints)
        assert file["/observations/qpos"].shape == (steps, 8)
        np.testing.assert_array_equal(file["/base_action"][()], episodes[3].extra_actions["base_action"])
        images = file["/observations/images/front"]
        if is_exact:
            assert (images.shape, images.dtype, images.chunks) == ((steps, 48, 64, 3), np.uint8, (1, 48, 64, 3))
            np.testing.assert_array_equal(images[2], episodes[3].observations["front"][2])
        else:
            lengths = file["/compress_len"]
            assert file.attrs["compress"]
            assert lengths.shape == (2, steps)
            unpadded = images[2][: int(lengths[0, 2])]
            shown = np.asarray(Image.open(io.BytesIO(unpadded.tobytes())))
            # OpenCV would give these colours in the other order, which is RGB again.
            assert np.abs(shown[..., ::-1].astype(int) - episodes[3].observations["front"][2]).mean() < 3


def stranger(path, rows=9, **changes):
    """A file as ALOHA's own recorder writes it, with columns of a fork with a mobile base."""
    rng = np.random.default_rng(rows)
    arrays = {
        "action": rng.standard_normal((rows, 14)),
        "observations/qpos": rng.standard_normal((rows, 14)),
        "observations/qvel": rng.standard_normal((rows, 14)),
        "observations/effort": rng.standard_normal((rows, 14)),
        "observations/images/cam_high": np.stack([picture(rng) for _ in range(rows)]),
        "observations/images/cam_low": np.stack([picture(rng) for _ in range(rows)]),
        "base_action": rng.standard_normal((rows, 2)),
        "observations/base_vel": rng.standard_normal((rows, 2)),
    } | changes
    with h5py.File(path, "w") as file:
        file.attrs["sim"] = True
        for name, array in arrays.items():
            if array is not None:
                file[name] = array
    return arrays


def test_a_strangers_file_is_read(tmp_path):
    arrays = stranger(tmp_path / "episode_0.hdf5")
    source = open_episodes(tmp_path / "episode_0.hdf5")
    assert list(source.lengths) == [8]
    episode = source.episode(0)
    np.testing.assert_array_equal(episode.actions, arrays["action"][:-1], strict=True)
    np.testing.assert_array_equal(episode.extra_actions["base_action"], arrays["base_action"][:-1])
    assert sorted(episode.observations) == ["cam_high", "cam_low", "qpos"]
    np.testing.assert_array_equal(episode.observations["qpos"], arrays["observations/qpos"], strict=True)
    np.testing.assert_array_equal(episode.observations["cam_low"], arrays["observations/images/cam_low"])
    assert sorted(episode.sensors) == ["base_vel", "effort", "qvel"]
    assert episode.metadata["sim"]
    assert episode.stamps_ns[1] == 20_000_000
    assert not source.episode(0, images=False).observations.keys() - {"qpos"}


def test_a_strangers_file_goes_back_into_the_same_layout(tmp_path):
    arrays = stranger(tmp_path / "episode_0.hdf5")
    source = open_episodes(tmp_path)
    write_aloha(tmp_path / "again", source.header, episodes_of(source))
    with h5py.File(tmp_path / "again/episode_0.hdf5") as file:
        assert file.attrs["sim"]
        for name in arrays:
            if name != "observations/base_vel":
                np.testing.assert_array_equal(file[name][()], arrays[name][:-1])


def jpeg_rows(arrays, *, swapped):
    """Rows of JPEG as forks write them: longer ones are not cut, shorter ones padded."""
    packed = []
    for image in arrays["observations/images/cam_high"]:
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image[..., ::-1] if swapped else image)).save(stream, "jpeg", quality=95)
        packed.append(stream.getvalue())
    longest = max(map(len, packed))
    return np.stack([np.frombuffer(data.ljust(longest, b"\0"), np.uint8) for data in packed])


@pytest.mark.parametrize("colours", ["bgr", "rgb"])
def test_compressed_pictures_of_a_stranger_have_their_colours(tmp_path, colours):
    arrays = stranger(tmp_path / "first.hdf5")
    rows = jpeg_rows(arrays, swapped=colours == "bgr")
    stranger(tmp_path / "episode_0.hdf5", **{"observations/images/cam_high": rows, "compress_len": np.ones((2, 9))})
    episode = AlohaSource(tmp_path / "episode_0.hdf5", jpeg_colours=colours, rate_hz=25.0).episode(0)
    error = episode.observations["cam_high"].astype(int) - arrays["observations/images/cam_high"]
    assert np.abs(error).mean() < 3
    assert episode.control_rate_hz == 25.0
    assert "compress_len" not in episode.extra_actions


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"action": None}, "has no action"),
        ({"observations/qpos": None}, "has no observations/qpos"),
        ({"observations/qvel": np.zeros((3, 14))}, "3 rows of qvel for 9 actions"),
        ({"observations/images/cam_high": np.zeros((4, 48, 64, 3), np.uint8)}, "4 rows of cam_high for 9 actions"),
        ({"observations/images/cam_high": np.zeros((9, 3, 48, 64), np.uint8)}, r"shape \(9, 3, 48, 64\)"),
        ({"observations/images/cam_high": np.zeros((9, 48, 64, 3), np.float32)}, "pictures of type float32"),
        ({"observations/images/cam_high": np.zeros((9, 40), np.uint8)}, "cam_high is damaged"),
        ({"action": np.array([b"text"] * 9)}, "no columns of numbers at action"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path, changes, text):
    stranger(tmp_path / "episode_0.hdf5", **changes)
    with pytest.raises(DatasetError, match=text) as refused:
        AlohaSource(tmp_path).episode(0)
    assert "\n" not in str(refused.value)


def test_a_truncated_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "episode_0.hdf5"
    stranger(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DatasetError, match="is no whole HDF5 file") as refused:
        open_episodes(path)
    assert "\n" not in str(refused.value)


def test_a_camera_that_is_not_there_is_named(written):
    with pytest.raises(DatasetError, match="no camera 'top'; it has front, side"):
        AlohaSource(written[0]).images(0, 0, ["top"])


def test_joints_are_needed(tmp_path):
    blind = full_episode(sensors={}, observations={})
    with pytest.raises(DatasetError, match="neither qpos, joint positions nor a state"):
        write_aloha(tmp_path / "set", HEADER, [blind])
    assert not list(tmp_path.iterdir())


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path):
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from serl_rl.datasets.aloha.writing import write_aloha
        from tests.support.episodes import HEADER, full_episode
        write_aloha(
            Path(sys.argv[1]), HEADER, (full_episode(seed=seed) for seed in range(9)), None,
            lambda count: count == 5 and os.kill(os.getpid(), signal.SIGKILL),
        )
        """
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "set").exists()
    write_aloha(tmp_path / "set", HEADER, [full_episode()])
    assert os.listdir(tmp_path) == ["set"]
