"""Editing an episode file: all or nothing, and never beside a writer."""

import dataclasses
import os

import numpy as np
import pytest

from serl_client.episodes.editing import edit_episodes
from serl_client.episodes.files import (
    Episode,
    EpisodeFileWarning,
    EpisodeHeader,
    EpisodeWriter,
    read_episodes,
    read_header,
)
from serl_client.errors import EpisodeFileError

HEADER = EpisodeHeader(task="serl/PickCube-v0", specification={"action": [1]}, metadata={"who": "ada"})


def make_episode(mark):
    return Episode(
        observations={"state": np.full((3, 2), mark, np.float32)},
        actions=np.zeros((2, 1), np.float32),
        rewards=np.zeros(2),
        terminated=False,
        truncated=True,
        interventions=np.ones(2, bool),
        stamps_ns=np.zeros(3, np.int64),
        success=False,
        metadata={"mark": mark},
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.episodes"
    with EpisodeWriter(path, HEADER) as writer:
        for mark in range(4):
            writer.append(make_episode(mark))
    return path


def marks(path):
    return [episode.metadata["mark"] for episode in read_episodes(path)]


def test_episodes_are_deleted_by_number(path):
    assert edit_episodes(path, lambda number, episode: None if number in (0, 2) else episode) == 2
    assert marks(path) == [1, 3]
    assert read_header(path) == HEADER


def test_episodes_can_be_changed(path):
    def change(number, episode):
        return dataclasses.replace(episode, success=True, metadata={"mark": -number})

    edit_episodes(path, change)
    assert marks(path) == [0, -1, -2, -3]
    assert all(episode.success for episode in read_episodes(path))


def test_what_fails_half_way_leaves_the_file_as_it_was(path):
    before = path.read_bytes()

    def fail(number, episode):
        if number == 2:
            raise OSError("No space left on device")
        return episode

    with pytest.raises(OSError, match="No space"):
        edit_episodes(path, fail)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_being_written_is_left_alone(path):
    before = path.read_bytes()
    with EpisodeWriter(path, HEADER), pytest.raises(EpisodeFileError, match="is being written"):
        edit_episodes(path, lambda number, episode: None)
    assert path.read_bytes() == before


def test_nobody_writes_while_it_is_edited(path):
    def edit(number, episode):
        with pytest.raises(EpisodeFileError, match="is being written"):
            EpisodeWriter(path, HEADER)
        return episode

    edit_episodes(path, edit)


def test_what_a_killed_editor_left_behind_is_no_obstacle(path):
    path.with_name("a.episodes.partial").write_bytes(b"SERL-EPI")
    edit_episodes(path, lambda number, episode: episode)
    assert marks(path) == [0, 1, 2, 3]


def test_damage_is_left_out_and_said(path):
    os.truncate(path, path.stat().st_size - 5)
    with pytest.warns(EpisodeFileWarning, match="ends within an episode"):
        assert edit_episodes(path, lambda number, episode: episode) == 3
    assert marks(path) == [0, 1, 2]


def test_permissions_stay(path):
    path.chmod(0o640)
    edit_episodes(path, lambda number, episode: episode)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_foreign_file_is_refused(tmp_path):
    foreign = tmp_path / "foreign"
    foreign.write_text("hello")
    with pytest.raises(EpisodeFileError, match="not an episode file"):
        edit_episodes(foreign, lambda number, episode: episode)
