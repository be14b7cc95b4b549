"""`serl-train demo --vision` in small: pretraining, kept maps, training, evaluation, and a checkpoint that loads."""

import json
import sys

import numpy as np
import pytest

from serl_api.lifetime.child_process import ChildProcess
from serl_rl.policies import saved as saved_policy

SMALL = (
    *("--pretraining.scenes", "30", "--pretraining.steps", "2", "--pretraining.batch-size", "8"),
    *("--demonstration-count", "2", "--sac.batch-size", "16", "--sac.compile", "off", "--sac.hidden-sizes", "32", "32"),
    *("--learner.max-env-steps", "130", "--learner.update-to-data-ratio", "1", "--learner.threads", "1"),
    *("--evaluation-episodes", "1", "--video-episodes", "0", "--vision.cache.crops", "2"),
)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_demo_from_images_leaves_a_policy_that_can_be_evaluated(tmp_path):
    call = [sys.executable, "-m", "serl_rl", "demo", "--vision", "--runs", str(tmp_path), "--name", "it", *SMALL]
    demo = ChildProcess("demo", call, tmp_path / "demo.log")
    try:
        code = demo.wait(350)
    finally:
        demo.stop()
    run = tmp_path / "it"
    assert code == 1, demo.log_path.read_text()  # So few steps never reach the target.
    result = json.loads((run / "result.json").read_text())
    assert result["env_steps"] >= 130
    assert result["critic_updates"] >= 60
    assert result["parts_s"]["pretraining_s"] > 0
    assert result["final_evaluation"]["episodes"] == 1
    assert json.loads((run / "config.json").read_text())["vision"]["encoder"]["backbone"]["weights"].endswith(
        "it/encoder.safetensors"
    )
    assert (run / "replay" / "features" / "layout.json").exists()
    policy, config, _ = saved_policy.load_policy(run)
    images = {camera: np.zeros((128, 128, 3), np.uint8) for camera in ("front", "wrist")}
    action = policy.act({"state": np.zeros(7, np.float32), **images}, np.random.default_rng(0), deterministic=True)
    assert action.shape == (4,)
    assert config.vision.encoder.backbone.name == "small"
