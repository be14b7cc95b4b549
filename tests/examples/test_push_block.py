"""examples/push_block: a task in a package of its own, installed beside the product, of which nothing is edited."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serl_api.lifetime.child_process import ChildProcess
from serl_api.lifetime.stop_signal import StopSignal

pytest.importorskip("mujoco")
pytest.importorskip("hatchling", reason="hatchling is not installed: pip install hatchling")

TASK = "push_block/PushBlock-v0"


EXAMPLE = Path(__file__).parents[2] / "examples" / "push_block"


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    """Variables of an environment in which the package is installed."""
    site = tmp_path_factory.mktemp("site")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target"]
    call = [sys.executable, "-m", "pip", *install, str(site), str(EXAMPLE)]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])}


@pytest.fixture
def run(environ, tmp_path):
    """Runs Python's modules and code with the package; returns what was written."""

    def run(*arguments, code=0):
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environ, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        return done.stdout

    return run


@pytest.fixture
def simulator(environ, tmp_path, monkeypatch):
    """Address of `serl-sim --task push-block`."""
    monkeypatch.setenv("PYTHONPATH", environ["PYTHONPATH"])
    ready = tmp_path / "ready"
    call = ["-m", "simulator", "--task", "push-block", "--address", "127.0.0.1:0", "--ready-file", str(ready)]
    child = ChildProcess("simulator", [sys.executable, *call], tmp_path / "simulator.log")
    yield child.wait_for_file(ready, StopSignal()).strip()
    child.stop()


def test_the_simulator_lists_it(run):
    assert "push-block\tPush a 5 cm block" in run("-m", "simulator", "--list-tasks")


PLAY = """
import sys, gymnasium, serl_client
env = gymnasium.make(sys.argv[1], **({"address": sys.argv[2]} if sys.argv[2:] else {}))
env.reset(seed=0)
*_, info = env.step(env.action_space.sample())
print(sorted(key for key in info if key in ("block_position", "distance")), env.spec.max_episode_steps)
env.close()
"""


def test_the_object_itself_is_made_with_a_simulator_of_its_own(run):
    made = PLAY.replace("gymnasium.make", "serl_client.make_training_env")
    assert run("-c", made, "push_block.task:PUSH_BLOCK") == "['block_position', 'distance'] 60\n"


def test_a_simulator_serves_it_and_its_expert_demonstrates(run, simulator, tmp_path):
    assert run("-c", PLAY, TASK, simulator) == "['block_position', 'distance'] 60\n"
    output, count = tmp_path / "push.episodes", ("--demonstration-count", "2")
    run(
        "-m", "serl_rl", "record-demos", "--preset", "push-block", "--robot", simulator, "--output", str(output), *count
    )
    assert output.stat().st_size > 1000


def test_the_listing_names_its_package(run):
    lines = run("-m", "serl_rl", "tasks").splitlines()
    assert any(TASK in line and "push-block 0.1.0" in line for line in lines)


def demo(run, tmp_path, *arguments, code=0):
    run("-m", "serl_rl", "demo", "--preset", "push-block", "--runs", ".", "--name", "it", *arguments, code=code)
    return json.loads((tmp_path / "it" / "result.json").read_text())


@pytest.mark.timeout(300)
def test_a_demo_trains_it(run, tmp_path):
    short = ("--learner.max-env-steps", "60", "--learner.warm-up-steps", "20", "--sac.compile", "off")
    few = ("--demonstration-count", "2", "--evaluation-episodes", "2", "--video-episodes", "0")
    result = demo(run, tmp_path, *short, *few, code=1)
    assert result["env_steps"] >= 60
    assert result["final_evaluation"]["episodes"] == 2


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", ["0", "1"])
def test_it_is_learned(run, tmp_path, seed):
    result = demo(run, tmp_path, "--seed", seed, "--video-episodes", "0")
    assert result["final_evaluation"]["successes"] >= 90
