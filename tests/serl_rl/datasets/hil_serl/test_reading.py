import collections
import os
import pickle

import numpy as np
import pytest

from serl_rl.datasets.conversion import import_episodes
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.hil_serl.reading import HilSerlSource
from serl_rl.errors import DatasetError


def observation(step):
    return collections.OrderedDict(
        state=np.full((1, 19), step, np.float32), wrist_1=np.full((1, 8, 8, 3), step % 256, np.uint8)
    )


def transition(step, *, done=False, mask=1.0, **changes):
    """A transition as HIL-SERL's record_demos keeps it."""
    return {
        "observations": observation(step),
        "actions": np.full(7, step / 100, np.float32),
        "next_observations": observation(step + 1),
        "rewards": np.float64(done),
        "masks": mask,
        "dones": done,
        "infos": {"succeed": bool(done), "grasp_penalty": -0.02 * step},
    } | changes


def write(path, transitions, protocol=4):
    path.write_bytes(pickle.dumps(transitions, protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_demonstrations_become_episodes(tmp_path, protocol):
    demonstrations = [transition(0), transition(1), transition(2, done=True, mask=0.0)]
    source = HilSerlSource(write(tmp_path / "demos.pkl", demonstrations * 2, protocol))
    assert list(source.lengths) == [3, 3]
    episode = source.episode(1)
    assert episode.observations["state"].shape == (4, 19)
    assert episode.observations["state"][:, 0].tolist() == [0, 1, 2, 3]
    assert episode.observations["wrist_1"].shape == (4, 8, 8, 3)
    assert episode.actions.dtype == np.float32
    assert episode.rewards.tolist() == [0.0, 0.0, 1.0]
    assert (episode.terminated, episode.truncated, episode.success) == (True, False, True)
    assert episode.interventions.all()
    np.testing.assert_allclose(episode.grasp_penalties, [0.0, -0.02, -0.04])
    assert source.images(0, 3, ["wrist_1"])["wrist_1"][0, 0].tolist() == [3, 3, 3]


def test_a_buffer_that_was_cut_is_several_episodes(tmp_path):
    """Rows 0, 1, then 7, 8: what is missing between them is no step; the clock ended the second."""
    cut = [transition(0), transition(1), transition(7), transition(8, done=True)]
    source = HilSerlSource(write(tmp_path / "transitions_1000.pkl", cut))
    first, second = source.episode(0), source.episode(1)
    assert (len(first), first.terminated, first.truncated) == (2, False, False)
    assert (len(second), second.terminated, second.truncated) == (2, False, True)


def test_interventions_are_the_steps_that_say_so(tmp_path):
    corrected = transition(1, infos={"intervene_action": np.zeros(7)})
    source = HilSerlSource(write(tmp_path / "x.pkl", [transition(0), corrected, transition(2)]))
    assert source.episode(0).interventions.tolist() == [False, True, False]


def test_a_folder_of_pickles_becomes_an_episode_file(tmp_path):
    (tmp_path / "buffer").mkdir()
    for number in range(2):
        write(tmp_path / f"buffer/transitions_{number}.pkl", [transition(number, done=True, mask=0.0)])
    import_episodes(HilSerlSource(tmp_path / "buffer"), tmp_path / "own", task="serl/PegInsertVision-v0")
    own = open_episodes(tmp_path / "own")
    assert own.header.task == "serl/PegInsertVision-v0"
    assert own.header.specification["observations"]["wrist_1"] == [[8, 8, 3], "uint8"]
    assert list(own.lengths) == [1, 1]


class Trap:
    def __reduce__(self):
        return os.system, ("touch sprung",)


class Reader:
    def __reduce__(self):
        return np.load, ("sprung",)


class BadType:
    """A type of NumPy's with a state that none has, which NumPy answers with a SystemError."""

    def __reduce__(self):
        return np.dtype, ("f8", False, True), 5


def test_what_upsets_numpy_is_one_sentence(tmp_path):
    with pytest.raises(DatasetError, match=r"x\.pkl is no whole pickle .*; copy it anew"):
        HilSerlSource(write(tmp_path / "x.pkl", [BadType()]))


@pytest.mark.parametrize("bad", [Trap(), [transition(0, infos={"x": Trap()})], [Reader()], [np.array([Trap()])]])
def test_nothing_of_a_pickle_is_run(tmp_path, monkeypatch, bad):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=r"asks for .*nothing of it was run") as refused:
        HilSerlSource(write(tmp_path / "x.pkl", bad))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"a": 1}, "holds a dict, not a list"),
        ([], "holds no transition"),
        ([3], "transition 0 of .* needs observations, .* but has int"),
        ([{"observations": {}}], "but has observations"),
        ([transition(0, observations=np.zeros(3))], "observations that are no dict"),
        ([transition(0, observations={"state": np.zeros(19), 3: np.zeros(3)})], "no dict of arrays by name"),
        ([transition(0), transition(1, actions=np.zeros(6))], r"transition 1 .* actions of shape \(6,\), not \(7,\)"),
        ([transition(0), transition(1, next_observations={"state": np.zeros(19)})], "but the first one"),
        ([transition(0, rewards=np.zeros(2))], "no single numbers"),
        ([transition(0, infos=[1])], "infos that are no dict"),
    ],
)
def test_what_is_no_list_of_transitions_is_refused_in_one_sentence(tmp_path, content, text):
    with pytest.raises(DatasetError, match=text) as refused:
        HilSerlSource(write(tmp_path / "x.pkl", content))
    assert "\n" not in str(refused.value)


def test_a_truncated_pickle_is_refused(tmp_path):
    path = write(tmp_path / "x.pkl", [transition(0)])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DatasetError, match="is no whole pickle"):
        HilSerlSource(path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="holds no file"):
        HilSerlSource(tmp_path)
