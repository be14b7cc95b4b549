"""An actor that streams to rerun, beside its learner: every step, who drove, and what the newest critics expect."""

import sys

import pytest

from serl_api.lifetime.child_process import ChildProcess, wait_for_file
from serl_api.lifetime.stop_signal import StopSignal
from tests.support.waiting import wait_until

pytest.importorskip("rerun", reason="needs the extra serl-robot[rerun]")

WAIT_S = 150.0


def rows_of(path, entity):
    """Number of rows, and their numbers where it has any."""
    from rerun.chunk import RrdReader

    count, numbers = 0, []
    for chunk in RrdReader(path).stream():
        if chunk.entity_path == entity and not chunk.is_static:
            count += chunk.num_rows
            batch = chunk.to_record_batch()
            if "Scalars:scalars" in batch.schema.names:
                numbers += [row[0] for row in batch.column("Scalars:scalars").to_pylist()]
    return count, numbers


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:RRD file has no footer")
def test_an_actor_streams_what_it_does_and_what_the_critics_expect(tmp_path):
    run, started = tmp_path / "run", []

    def start(name, *arguments):
        call = [sys.executable, "-m", "serl_rl", name, "--preset", "debug", *map(str, arguments)]
        started.append(ChildProcess(name, call, tmp_path / f"{name}.log"))
        return started[-1]

    try:
        ready = ("--ready-file", tmp_path / "learner.ready")
        limits = (
            "--learner.max-env-steps",
            100_000,
            "--learner.checkpoint-period-s",
            1,
            "--learner.update-to-data-ratio",
            0.5,
        )
        learner = start("learner", "--run-directory", run, "--address", "127.0.0.1:0", *ready, *limits)
        address = learner.wait_for_file(tmp_path / "learner.ready", StopSignal()).strip()
        teacher = ("--intervene", "scripted", "--correction.probability", 0.3, "--correction.rest-steps", 0)
        spool = ("--spool-directory", tmp_path / "spool", "--evaluation.longest-gap-steps", 100_000)
        rerun = ("--rerun", tmp_path / "actor.rrd", "--rerun-run", run)
        actor = start("actor", "--learner-address", address, *teacher, *spool, *rerun)
        assert wait_for_file(run / "metrics.csv", StopSignal(), WAIT_S), learner.log_path.read_text()
        wait_until(
            lambda: rows_of(tmp_path / "actor.rrd", "/value/mean")[0],  # Once there is a checkpoint.
            WAIT_S,
            pause_s=0.2,
            explain=lambda: actor.log_path.read_text() + learner.log_path.read_text(),
        )
        actor.stop(WAIT_S)
        log = actor.log_path.read_text()
    finally:
        for child in started:
            child.stop(WAIT_S)
    steps, flags = rows_of(tmp_path / "actor.rrd", "/intervention")
    assert steps > 20, log
    assert 0.05 < sum(flags) / steps < 0.95
    judged, values = rows_of(tmp_path / "actor.rrd", "/value/mean")
    assert 0 < judged <= steps
    assert len(set(values)) > 1
    assert rows_of(tmp_path / "actor.rrd", "/success")[0] == rows_of(tmp_path / "actor.rrd", "/events")[0] > 1
