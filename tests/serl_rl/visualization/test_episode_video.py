"""A film keeps the first episodes and draws each of their records."""

import numpy as np

from serl_rl.visualization.episode_video import EpisodeVideo


def test_each_moment_is_a_frame_and_the_end_is_held(make_episode, labels):
    film = EpisodeVideo(2, labels)
    assert film.is_empty
    for number in (1, 2):
        for record in make_episode(3, episode=number):
            film.show(record)
    frames = list(film)
    assert len(frames) == 2 * (3 + 10)
    assert len({frame.shape for frame in frames}) == 1
    assert (frames[3] == frames[12]).all()
    assert (frames[0] != frames[13]).any()
    assert not film.is_empty


def test_it_can_be_drawn_again(make_episode, labels):
    film = EpisodeVideo(1, labels)
    for record in make_episode(2):
        film.show(record)
    np.testing.assert_array_equal(list(film), list(film))


def test_it_wants_no_more_than_it_was_told():
    film = EpisodeVideo(3, labels=None)
    assert [film.wants(episode) for episode in (1, 3, 4)] == [True, True, False]


def test_the_overlay_can_be_left_away(make_episode, labels):
    plain, drawn = EpisodeVideo(1, labels, overlay=False), EpisodeVideo(1, labels)
    for record in make_episode(2):
        plain.show(record)
        drawn.show(record)
    assert next(iter(plain)).shape[0] < next(iter(drawn)).shape[0]
