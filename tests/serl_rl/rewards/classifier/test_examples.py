import numpy as np
import pytest

from serl_client.errors import EpisodeFileError
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.examples import load_examples, split_by_episode, success_labels


def test_labels_of_each_frame_are_taken(squares):
    examples = load_examples([squares], {})
    assert examples.classes == ("failure", "success")
    assert examples.counts() == {"failure": 48, "success": 24}
    assert list(examples.images) == ["front", "wrist"]
    bright = examples.images["front"].max((1, 2, 3)) == 255
    np.testing.assert_array_equal(bright, examples.labels == 1)
    assert np.unique(examples.episodes).tolist() == list(range(8))


def test_frames_that_nobody_labelled_are_left_out(make_labelled_episode):
    episode = make_labelled_episode([0, 0, 1], labels=[False, None, True])
    assert success_labels(episode, "e").tolist() == [0, -1, 1]


def test_without_labels_the_end_says_what_it_was(make_labelled_episode):
    won = make_labelled_episode([0, 0, 0, 0, 1], labels=None)
    assert success_labels(won, "e", ambiguous_frames=2).tolist() == [0, 0, -1, -1, 1]
    assert success_labels(won, "e", ambiguous_frames=0).tolist() == [0, 0, 0, 0, 1]
    assert success_labels(won, "e", ambiguous_frames=9).tolist() == [-1, -1, -1, -1, 1]
    lost = make_labelled_episode([0, 0, 0], labels=None, terminated=False)
    assert success_labels(lost, "e").tolist() == [0, 0, 0]


@pytest.mark.parametrize("labels", [[True], [0, 1, 2], "yes", [0.5, 0, 1]])
def test_labels_that_do_not_fit_are_refused(make_labelled_episode, labels):
    with pytest.raises(ClassifierError, match=r"episode 7 of x has wrong success_labels.*3 observations"):
        success_labels(make_labelled_episode([0, 0, 1], labels=labels), "episode 7 of x")


def test_success_on_the_way_needs_labels(make_labelled_episode):
    with pytest.raises(ClassifierError, match="does not say when"):
        success_labels(make_labelled_episode([0, 1, 0], labels=None, terminated=False), "e")


def test_files_of_one_class_each(tmp_path, make_labelled_episode, write_episodes):
    files = {
        name: [write_episodes(tmp_path / name, [make_labelled_episode([0] * 3, seed=i, labels=None) for i in range(2)])]
        for name in ("up", "down", "lost")
    }
    examples = load_examples([], files)
    assert examples.classes == ("up", "down", "lost")
    assert examples.counts() == {"up": 6, "down": 6, "lost": 6}


def test_files_of_one_class_add_to_labelled_ones(tmp_path, squares, make_labelled_episode, write_episodes):
    more = write_episodes(tmp_path / "negatives", [make_labelled_episode([0] * 5, labels=None)])
    assert load_examples([squares], {"failure": [more]}).counts() == {"failure": 53, "success": 24}


def test_one_class_alone_is_refused_with_advice(tmp_path, make_labelled_episode, write_episodes):
    lost = write_episodes(tmp_path / "lost", [make_labelled_episode([0] * 5)] * 2)
    with pytest.raises(
        ClassifierError, match="10 frames of 'failure' but none of 'success'; record episodes that succeed"
    ):
        load_examples([lost], {})
    won = write_episodes(tmp_path / "won", [make_labelled_episode([1] * 5)])
    with pytest.raises(ClassifierError, match="none of 'failure'"):
        load_examples([], {"success": [won]})
    with pytest.raises(ClassifierError, match="there are no episodes"):
        load_examples([], {})


def test_cameras_are_chosen_and_ordered(squares):
    assert list(load_examples([squares], {}, cameras=("wrist", "front")).images) == ["wrist", "front"]
    assert list(load_examples([squares], {}, cameras=("wrist",)).images) == ["wrist"]
    with pytest.raises(ClassifierError, match="no camera 'side'; it has front, wrist"):
        load_examples([squares], {}, cameras=("side",))


def test_episodes_of_other_cameras_are_refused(tmp_path, squares, make_labelled_episode, write_episodes):
    path = write_episodes(tmp_path / "front", [make_labelled_episode([0, 1], cameras=("front",))])
    with pytest.raises(ClassifierError, match="no camera 'wrist'"):
        load_examples([squares, path], {})
    blind = write_episodes(tmp_path / "blind", [make_labelled_episode([0, 1], cameras=())])
    with pytest.raises(ClassifierError, match="have no images"):
        load_examples([blind], {})
    with pytest.raises(EpisodeFileError, match="cannot read"):
        load_examples([tmp_path / "none"], {})


def test_many_frames_are_thinned(squares):
    examples = load_examples([squares], {}, max_frames=30)
    assert examples.counts() == {"failure": 30, "success": 24}
    assert (np.diff(examples.episodes) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_episode_is_on_both_sides(squares, seed):
    own, held_out = split_by_episode(load_examples([squares], {}), 0.25, seed)
    assert not set(own.episodes) & set(held_out.episodes)
    assert len(set(held_out.episodes)) == 2
    assert min(own.counts().values()) > 0
    assert min(held_out.counts().values()) > 0


def test_a_class_in_few_episodes_is_on_both_sides(tmp_path, make_labelled_episode, write_episodes):
    episodes = [make_labelled_episode([0] * 4, seed=i) for i in range(20)]
    episodes += [make_labelled_episode([1, 1], seed=i) for i in range(2)]
    examples = load_examples([write_episodes(tmp_path / "file", episodes)], {})
    for part in split_by_episode(examples, 0.1, seed=0):
        assert part.counts()["success"] == 2


def test_a_class_in_one_episode_is_refused(tmp_path, make_labelled_episode, write_episodes):
    path = write_episodes(tmp_path / "file", [make_labelled_episode([0] * 4), make_labelled_episode([0, 1])])
    with pytest.raises(ClassifierError, match="'success' is in 1 episode; it needs 2"):
        split_by_episode(load_examples([path], {}), 0.2, seed=0)
