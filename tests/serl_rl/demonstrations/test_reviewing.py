"""Figures and pictures of recorded episodes."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from serl_client.episodes.files import Episode
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.demonstrations.reviewing import cameras_of, draw_frames, export_frames, figures_of
from serl_rl.errors import UsageError


def make_episode(**observations):
    return Episode(
        observations={"state": np.zeros((4, 2), np.float32), **observations},
        actions=np.zeros((3, 1), np.float32),
        rewards=np.array((0.0, 0.25, 1.0)),
        terminated=True,
        truncated=False,
        interventions=np.array((True, False, False)),
        stamps_ns=np.arange(4) * 100_000_000,
        success=True,
        metadata={SUCCESS_LABELS: [False, None, False, True]},
    )


def images(value, height=32, width=48):
    return np.full((4, height, width, 3), value, np.uint8)


def test_figures():
    figures = figures_of(7, make_episode())
    assert dataclasses.asdict(figures) == {
        "number": 7,
        "steps": 3,
        "duration_s": 0.3,
        "episode_return": 1.25,
        "success": True,
        "end": "terminated",
        "intervention_ratio": 0.3333,
        "positives": 1,
        "negatives": 2,
    }


def test_cameras_stand_side_by_side_with_a_line_below():
    frames = draw_frames(0, make_episode(front=images(255), wrist=images(0)))
    assert len(frames) == 4
    height, width = frames[0].shape[:2]
    assert (height % 2, width % 2) == (0, 0)
    assert frames[0][10, width // 4].min() > 250
    assert frames[0][10, 3 * width // 4].max() < 5


def test_the_newest_of_a_stack_is_drawn():
    stack = np.stack([images(0), images(255)], axis=1)
    episode = make_episode(front=stack)
    assert cameras_of(episode) == ["front"]
    assert draw_frames(0, episode)[0][10, 10].min() > 250


def test_success_is_written_in_another_colour():
    frames = draw_frames(0, make_episode(front=images(0)))
    text = [frame[-18:].astype(int) for frame in frames]
    assert (text[3][..., 1] - text[3][..., 0]).max() > 50
    assert (text[0][..., 1] - text[0][..., 0]).max() < 50


def test_an_animation_has_all_frames_at_the_rate_of_the_episode(tmp_path):
    written = export_frames(0, make_episode(front=images(200)), tmp_path / "new" / "a.gif")
    with Image.open(written) as animation:
        assert animation.n_frames == 4
        assert animation.info["duration"] == 100


def test_a_video_is_written(tmp_path):
    written = export_frames(0, make_episode(front=images(200)), tmp_path / "b.mp4")
    assert written.stat().st_size > 500


def test_a_folder_gets_one_picture_a_step(tmp_path):
    export_frames(3, make_episode(front=images(200)), tmp_path / "pictures")
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        f"episode-003-step-{step:04d}.png" for step in range(4)
    ]


def test_without_cameras_there_is_nothing_to_draw():
    with pytest.raises(UsageError, match="episode 5 has no pictures"):
        draw_frames(5, make_episode())


def test_cameras_of_different_heights_are_refused():
    with pytest.raises(UsageError, match="different heights"):
        draw_frames(0, make_episode(front=images(0), wrist=images(0, height=16)))
