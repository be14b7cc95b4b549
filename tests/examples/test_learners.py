"""Learners that are not ours drive the environments: short runs by default, real learning marked slow."""

import re

import pytest

pytest.importorskip("mujoco")


@pytest.fixture(params=["cleanrl_sac.py", "stable_baselines3_sac.py"])
def learner(request, run_example):
    """Runs a learner for some steps and returns its success ratio."""
    if "stable_baselines3" in request.param:
        pytest.importorskip("stable_baselines3", reason="pip install 'serl-robot[examples]' brings stable-baselines3")
    steps_option = {"cleanrl_sac.py": "--total-steps"}.get(request.param, "--steps")

    def learn(steps, starts, episodes, timeout_s):
        arguments = (steps_option, steps, "--learning-starts", starts, "--episodes", episodes)
        said = run_example(request.param, *arguments, timeout_s=timeout_s)
        found = re.search(rf"success (\S+) of {episodes} episodes after {steps} steps", said)
        assert found, said
        return float(found[1])

    return learn


@pytest.mark.timeout(180)
def test_it_runs(learner):
    assert 0.0 <= learner(steps=150, starts=130, episodes=1, timeout_s=170) <= 1.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_learns_to_lift(learner):
    assert learner(steps=20_000, starts=500, episodes=20, timeout_s=1800) >= 0.8
