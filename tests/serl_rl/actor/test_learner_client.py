"""What an actor does while its learner is away."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from serl_rl.actor import learner_client
from serl_rl.actor.learner_client import LearnerClient
from tests.support.learners import SETTINGS, SPEC, RunningLearner


def test_a_pause_between_two_tries_ends_as_soon_as_the_learner_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(learner_client, "_FIRST_BACKOFF_S", 60.0)
    address, has_failed = f"unix:{tmp_path}/learner.sock", threading.Event()
    with (
        ThreadPoolExecutor(1) as pool,
        contextlib.closing(LearnerClient(address, "a", SPEC, SETTINGS, "1.0.0")) as client,
    ):
        joined = pool.submit(client.join, 120.0, has_failed.set)
        assert has_failed.wait(10.0)
        with contextlib.closing(RunningLearner(address=address)):
            assert joined.result(20.0).run_id == "run"
