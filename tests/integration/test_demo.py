"""`serl-train demo` from the outside: what it leaves behind, and how it stops."""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest

from serl_api.lifetime.child_process import ChildProcess, wait_for_file
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.__main__ import parse
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.policies import saved as saved_policy

WAIT_S = 150.0
NEVER_EVALUATED = ("--evaluation.shortest-gap-steps", "1000000", "--evaluation.longest-gap-steps", "1000000")
ENDLESS = ("--preset", "debug", *NEVER_EVALUATED, "--learner.max-env-steps", "100000")


@pytest.fixture
def start(tmp_path):
    """Starts a demo; whatever still runs at the end is stopped."""
    started = []

    def run(*arguments):
        call = [sys.executable, "-m", "serl_rl", "demo", "--runs", str(tmp_path), "--name", "it", *arguments]
        started.append(ChildProcess("demo", call, tmp_path / "demo.log"))
        return started[-1]

    yield run
    for child in started:
        child.stop()


def living_children(pid):
    """Processes whose parent is `pid`."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_it_leaves_curves_video_checkpoint_and_result(start, tmp_path, capsys):
    demo = start("--preset", "debug", "--evaluation-episodes", "4", "--learner.max-env-steps", "150")
    code = demo.wait(WAIT_S)
    run = tmp_path / "it"
    result = json.loads((run / "result.json").read_text())
    assert code == (0 if result["reached_target"] else 1), demo.log_path.read_text()
    assert result["env_steps"] >= 150 or result["reached_target"]
    assert result["final_evaluation"]["episodes"] == 4
    assert 0 <= result["final_evaluation"]["wilson_interval_95"][0] <= result["final_evaluation"]["success_ratio"]
    assert (run / "curves.png").exists()
    assert (run / "policy.mp4").stat().st_size > 1000
    assert list((run / "tensorboard").iterdir())
    assert json.loads((run / "config.json").read_text())["environment"]["id"] == "serl/PointMass-v0"
    policy, config, manifest = saved_policy.load_policy(run)
    assert policy.is_loaded
    assert config.seed == 0
    assert manifest["versions"]["git_revision"]
    parse(["evaluate", "--checkpoint", str(run), "--episodes", "3"]).run()
    assert json.loads(capsys.readouterr().out)["episodes"] == 3


def test_ctrl_c_that_ends_the_reader_of_the_output_too_drains_everything_and_exits_with_0(tmp_path):
    # As in `serl-train demo 2>&1 | tee run.log`.
    call = [sys.executable, "-m", "serl_rl", "demo", "--runs", str(tmp_path), "--name", "it", *ENDLESS]
    reading, writing = os.pipe()
    demo = subprocess.Popen(call, stdout=writing, stderr=writing)
    os.close(writing)
    try:
        assert wait_for_file(tmp_path / "it" / "metrics.csv", StopSignal(), WAIT_S)
        os.close(reading)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(WAIT_S) == 0
    finally:
        demo.kill()
        demo.wait()
    assert checkpoints.newest(tmp_path / "it" / "checkpoints") is not None
    assert json.loads((tmp_path / "it" / "result.json").read_text())["reached_target"] is False


def test_children_end_when_the_demo_is_killed(start, tmp_path):
    demo = start(*ENDLESS)
    assert wait_for_file(tmp_path / "it" / "logs" / "actor.ready", StopSignal(), WAIT_S), demo.log_path.read_text()
    descriptors = [os.pidfd_open(pid) for pid in living_children(demo.pid)]
    assert len(descriptors) == 2
    demo.signal(signal.SIGKILL)
    demo.wait(WAIT_S)
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], WAIT_S)[0]
        os.close(descriptor)


def test_an_existing_run_is_not_touched(start, tmp_path):
    (tmp_path / "it").mkdir()
    demo = start("--preset", "debug")
    assert demo.wait(WAIT_S) == 2
    assert "exists already" in demo.last_words()


@pytest.mark.slow  # tests/examples/test_push_block.py has a demo before the simulator in the quick suite.
def test_it_runs_on_the_real_simulator(start, tmp_path):
    small = ("--sac.hidden-sizes", "16", "16", "--sac.compile", "off", "--learner.warm-up-steps", "60")
    short = ("--learner.max-env-steps", "90", "--demonstration-count", "1")
    demo = start(*small, *short, "--evaluation-episodes", "1", "--video-episodes", "0")
    assert demo.wait(WAIT_S) == 1, demo.log_path.read_text()
    result = json.loads((tmp_path / "it" / "result.json").read_text())
    assert result["env_steps"] >= 90
    assert result["final_evaluation"]["episodes"] == 1
