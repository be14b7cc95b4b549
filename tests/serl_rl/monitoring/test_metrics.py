"""Metrics on disk: flushed, followed, read back."""

import logging
import math
from pathlib import Path

import pytest

from serl_rl.monitoring.metrics import MetricsRow, MetricsTail, MetricsWriter, append_whole, read_metrics
from tests.support.small_disk import fill, make_read_only, small_disk


def row(steps, **values):
    return MetricsRow(wall_time_s=steps / 10, env_steps=steps, critic_updates=4 * steps, policy_updates=steps, **values)


def test_rows_come_back(tmp_path):
    writer = MetricsWriter(tmp_path, tensorboard=False)
    written = [row(1, success=0.5, episodes=3), row(2, evaluation_success=1.0, evaluation_episodes=50)]
    for item in written:
        writer.write(item)
    found = read_metrics(tmp_path)
    assert [(item.env_steps, item.episodes) for item in found] == [(1, 3), (2, 0)]
    assert found[0].success == 0.5
    assert math.isnan(found[0].evaluation_success)
    assert found[1].evaluation_episodes == 50
    writer.close()


def test_a_resumed_run_appends(tmp_path):
    for steps in (1, 2):
        writer = MetricsWriter(tmp_path, tensorboard=False)
        writer.write(row(steps))
        writer.close()
    assert [item.env_steps for item in read_metrics(tmp_path)] == [1, 2]


def test_the_tail_gives_each_whole_row_once(tmp_path):
    tail = MetricsTail(tmp_path)
    assert tail.read_new() == []
    writer = MetricsWriter(tmp_path, tensorboard=False)
    writer.write(row(1))
    assert [item.env_steps for item in tail.read_new()] == [1]
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("0.3,3,")
    assert tail.read_new() == []
    writer.close()


def test_tensorboard_files_are_written(tmp_path):
    writer = MetricsWriter(tmp_path)
    writer.write(row(1, success=0.5))
    writer.close()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_rows_of_a_version_with_other_columns_are_read_and_gone_on_with(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("wall_time_s,env_steps,critic_updates,policy_updates,mood,success\n0.1,1,4,1,7,0.25\n")
    tail = MetricsTail(tmp_path)
    assert [(item.env_steps, item.success, item.episodes) for item in tail.read_new()] == [(1, 0.25, 0)]
    for steps in (2, 3):
        writer = MetricsWriter(tmp_path, tensorboard=False)
        writer.write(row(steps, success=0.5))
        writer.close()
    assert [(item.env_steps, item.success) for item in tail.read_new()] == [(2, 0.5), (3, 0.5)]
    assert [item.env_steps for item in read_metrics(tmp_path)] == [1, 2, 3]
    assert path.read_text().count("wall_time_s") == 2


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_full_disk_costs_rows_and_is_said_once(tmp_path, caplog):
    with small_disk(tmp_path / "disk", 1_000_000) as disk:
        writer = MetricsWriter(disk, tensorboard=False)
        writer.write(row(1))
        filler = fill(disk, 0)
        steps = 2
        while not warnings_of(caplog):
            writer.write(row(steps := steps + 1))
        lost = steps
        writer.write(row(steps + 1))
        filler.unlink()
        with caplog.at_level(logging.INFO):
            writer.write(row(steps + 2))
        writer.close()
        (warning,) = warnings_of(caplog)
        assert warning == f"metrics cannot be written in {disk} (No space left on device); training goes on"
        assert "written in" in caplog.records[-1].getMessage()
        written = [item.env_steps for item in read_metrics(disk)]
    assert written == [1, *range(3, lost), steps + 2]


@pytest.mark.parametrize("tensorboard", [False, True])
def test_a_disk_that_becomes_read_only_ends_no_training(tmp_path, caplog, tensorboard):
    with small_disk(tmp_path / "disk", 1_000_000) as disk:
        make_read_only(disk)
        writer = MetricsWriter(disk, tensorboard=tensorboard)
        for steps in (1, 2):
            writer.write(row(steps))
        writer.close()
    assert warnings_of(caplog) == [
        f"metrics cannot be written in {disk} (Read-only file system); training goes on",
    ]


def test_what_is_appended_is_whole_or_not_there(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        append_whole(Path("/dev/full"), b"row")
    append_whole(tmp_path / "file", b"a")
    append_whole(tmp_path / "file", b"b")
    assert (tmp_path / "file").read_bytes() == b"ab"
