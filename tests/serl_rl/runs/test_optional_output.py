"""Curves and video on a disk that is full: said in a sentence, and nothing broken is left."""

import numpy as np
import pytest

from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.monitoring.metrics import MetricsRow, MetricsWriter
from serl_rl.runs.optional_output import draw_curves, write_film
from tests.support.small_disk import fill, small_disk


class Film(list):
    rate_hz = 10.0


@pytest.fixture
def full(tmp_path):
    with small_disk(tmp_path / "disk", 1_000_000) as disk:
        run = RunDirectory(disk)
        writer = MetricsWriter(disk, tensorboard=False)
        for step in range(3):
            writer.write(MetricsRow(wall_time_s=step, env_steps=step, critic_updates=step, policy_updates=step))
        writer.close()
        fill(disk, 0)
        yield run


def test_curves_are_given_up_in_a_sentence(full):
    said = []
    draw_curves(full, "run", said.append)
    assert "No space left" in said[0]
    assert said[0].endswith("the result is kept")
    assert not full.curves.exists()


def test_a_video_is_given_up_in_a_sentence(full):
    said, noise = [], np.random.default_rng(0)
    write_film(Film(noise.integers(0, 255, (20, 64, 64, 3)).astype(np.uint8)), full.video, said.append)
    assert "No space left" in said[0]
    assert not full.video.exists()


def test_both_are_written_where_there_is_room(tmp_path):
    run, said = RunDirectory(tmp_path), []
    write_film(Film(np.zeros((3, 64, 64, 3), np.uint8)), run.video, said.append)
    draw_curves(run, "run", said.append)
    assert not said
    assert run.video.stat().st_size
    assert run.curves.stat().st_size
