"""Trains a tiny ACT with LeRobot on what `recording.py` left, and runs it here and there.

`python -m tests.lerobot_check.evaluating FOLDER BIN`: the folder with the set, and the `bin` of LeRobot's environment.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from serl_client import RobotClient
from serl_client.envs.private_simulator import PrivateSimulator
from tests.lerobot_check.recording import ROBOT, TASK, call

TRAINING_STEPS = 5


def evaluate(checkpoint, executables, *options):
    """Runs `serl-train evaluate`; returns its exit code, its report and its last words."""
    command = ("evaluate", "--policy", f"lerobot:{checkpoint}", "--lerobot-python", executables / "python", *options)
    words = [sys.executable, "-m", "serl_rl", *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr.strip().splitlines()[-1]


def check_evaluation(folder, executables):
    code, report, words = evaluate(folder / "act", executables, "--environment.id", TASK, "--episodes", 3)
    assert (code, report.get("episodes"), report.get("ended")) == (0, 3, "complete"), words
    print(f"serl-train evaluate ran LeRobot's ACT: {report['successes']} of 3 cubes lifted")  # noqa: T201 - a program.


def check_refusals(folder, executables):
    """A policy of another task, one without its statistics, and one whose weights are another's."""
    code, _, words = evaluate(folder / "act", executables, "--environment.id", "serl/PickCube-v0", "--episodes", 1)
    assert (code, "is of another robot or task" in words) == (1, True), words
    (statistics,) = folder.glob("act/policy_preprocessor_*.safetensors")
    other = folder / "other"
    shutil.copytree(folder / "act", other)
    shutil.copy(other / "model.safetensors", other / statistics.name)
    code, _, words = evaluate(other, executables, "--environment.id", TASK, "--episodes", 1)
    assert (code, "statistics are missing" in words) == (1, True), words
    shutil.copy(statistics, other / "model.safetensors")
    code, _, words = evaluate(other, executables, "--environment.id", TASK, "--episodes", 1)
    assert (code, "cannot be loaded" in words) == (1, True), words
    print("policies that do not fit are refused in a sentence")  # noqa: T201


def roll_out(folder, executables):
    """`lerobot-rollout`, unmodified, runs the same policy, and lets the arm go."""
    with PrivateSimulator("pick-cube") as simulator, RobotClient(simulator.address) as watcher:
        before = watcher.get_state()
        call(
            executables / "lerobot-rollout",
            *ROBOT,
            f"--robot.address={simulator.address}",
            f"--policy.path={folder / 'act'}",
            "--fps=10",
            "--duration=3",
            "--task=lift the cube",
            "--play_sounds=false",
            "--return_to_initial_position=false",
        )
        after = watcher.get_state()
        assert after.control_holder == ""
        assert abs(after.tcp_pose.position - before.tcp_pose.position).max() > 0.01
    print("lerobot-rollout moved the arm and let it go")  # noqa: T201


def main(folder: Path, executables: Path) -> None:
    training = Path(__file__).with_name("training.py")
    call(executables / "python", training, folder / "set", folder / "act", TRAINING_STEPS)
    check_evaluation(folder, executables)
    check_refusals(folder, executables)
    roll_out(folder, executables)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).absolute())
