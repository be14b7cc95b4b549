import numpy as np
import pytest

from serl_client.episodes.files import EpisodeFileWarning
from serl_client.episodes.random_access import EpisodeFile
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.own_files import OwnSource
from serl_rl.errors import DatasetError
from tests.support.episodes import HEADER, assert_same_episode, full_episode, write_episodes


@pytest.fixture
def episodes():
    return [full_episode(steps=3 + seed, seed=seed) for seed in range(3)]


@pytest.fixture
def path(tmp_path, episodes):
    return write_episodes(tmp_path / "own.episodes", episodes)


def test_episodes_are_read_in_any_order(path, episodes):
    source = open_episodes(path)
    assert (source.header, list(source.lengths)) == (HEADER, [3, 4, 5])
    for number in (2, 0, 1):
        assert_same_episode(source.episode(number), episodes[number])
        np.testing.assert_array_equal(
            source.images(number, 2, ["side"])["side"], episodes[number].observations["side"][2]
        )


def test_without_pictures_only_numbers_are_unpacked(path, episodes):
    bare = OwnSource(path).episode(1, images=False)
    assert list(bare.observations) == ["state"]
    np.testing.assert_array_equal(bare.actions, episodes[1].actions)


def test_a_camera_that_is_not_there_is_named(path):
    with pytest.raises(DatasetError, match="no camera 'top'; it has front, side, state"):
        OwnSource(path).images(0, 0, ["top"])


@pytest.mark.parametrize("cache_bytes", [1, 1 << 30])
def test_files_of_the_first_version_cost_time_or_memory_alone(path, episodes, monkeypatch, cache_bytes):
    monkeypatch.setattr(EpisodeFile, "picture", lambda *_: None)  # As it is of these.
    source = OwnSource(path, cache_bytes=cache_bytes)
    for number in (0, 1, 0):
        picture = source.images(number, 0, ["front"])["front"]
        np.testing.assert_array_equal(picture, episodes[number].observations["front"][0])


def test_a_torn_tail_is_left_out_with_a_warning(path):
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.warns(EpisodeFileWarning, match="ends within an episode"):
        assert list(OwnSource(path).lengths) == [3, 4]


def test_a_file_that_changes_under_a_reader_is_noticed(path):
    source = OwnSource(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DatasetError, match="was changed by another process"):
        source.episode(2)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path.mkdir(), "a folder without meta/info.json"),
        (lambda path: path.write_bytes(b"hello"), "neither an episode file"),
        (lambda path: None, "cannot read .*No such file"),
    ],
)
def test_what_holds_no_episodes_is_refused(tmp_path, make, text):
    make(tmp_path / "x")
    with pytest.raises(DatasetError, match=text):
        open_episodes(tmp_path / "x")
