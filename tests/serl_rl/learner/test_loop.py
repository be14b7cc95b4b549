"""The learner's loop: who is heard before the slow parts of a start."""

import threading

import numpy as np
import pytest

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import ServerSecurity
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.rows import make_row, row_type
from serl_rl.actor.spool import Spool
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.learner import loop
from tests.support.training_runs import CONFIG, SPEC
from tests.support.waiting import wait_until


class PreloadedError(Exception):
    """Ends a learner where it would load torch."""


def test_a_resumed_learner_takes_rows_in_before_it_loads_torch(tmp_path, monkeypatch):
    directory, stop, ended = RunDirectory(tmp_path), StopSignal(), threading.Event()
    write_json(directory.run, {"run_id": "run", "spec": SPEC.to_dict(), "layout": []})
    learner = loop.Learner(
        CONFIG,
        directory,
        demonstrations=(),
        resume=True,
        package_version="1.0.0",
        stop=stop,
        on_metrics=lambda row, phase: None,
    )

    def preload(config):
        raise PreloadedError

    def run():
        with pytest.raises(PreloadedError):
            learner.run()
        ended.set()

    monkeypatch.setattr(loop.Trainer, "preload", preload)
    monkeypatch.setattr(loop, "_REJOIN_S", 60.0)
    server = learner.serve("127.0.0.1:0", ServerSecurity())
    client = LearnerClient(server.start(), "a", SPEC, CONFIG.shared_settings(), "1.0.0")
    spool = Spool(tmp_path / "spool", row_type(SPEC), "run/a", 1_000_000)
    observation = {"state": np.zeros(2, np.float32)}
    spool.append(make_row(spool.row_type, observation, episode_id=1, step_index=0, row_kind=1))
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert not ended.is_set()
        client.join(10.0)
        client.start(spool)
        wait_until(ended.is_set)
    finally:
        stop.set()
        thread.join()
        client.close()
        spool.close()
        server.stop(0.5)
