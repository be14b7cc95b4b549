"""`serl-train demo` with a learned reward, from the outside, through learner and actor as processes."""

import json
import sys

import numpy as np
import pytest

from serl_api.lifetime.child_process import ChildProcess
from serl_client.episodes.files import read_episodes
from serl_rl.monitoring.metrics import read_metrics


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_demo_learns_its_reward(tmp_path):
    call = [sys.executable, "-m", "serl_rl", "demo", "--preset", "debug-vice", "--runs", str(tmp_path), "--name", "it"]
    demo = ChildProcess("demo", [*call, "--evaluation-episodes", "20", "--video-episodes", "1"], tmp_path / "demo.log")
    try:
        code = demo.wait(350.0)
    finally:
        demo.stop()
    said, run = demo.log_path.read_text(), tmp_path / "it"
    assert code == 0, said
    assert json.loads((run / "result.json").read_text())["final_evaluation"]["success_ratio"] >= 0.9
    rewards = np.array([row.vice_reward for row in read_metrics(run)])
    assert np.isfinite(rewards).any()
    assert (rewards[np.isfinite(rewards)] <= 1).all()
    assert all(not episode.terminated for episode in read_episodes(run / "demonstrations" / "demonstrations.episodes"))
