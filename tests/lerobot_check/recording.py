"""Drives simulators with LeRobot's own, unmodified commands through the plug-in, and reads what they recorded.

`python -m tests.lerobot_check.recording FOLDER BIN`: an empty folder, and the `bin` of LeRobot's virtual environment.
"""

import os
import subprocess
import sys
from pathlib import Path

from serl_client import RobotClient, read_episodes
from serl_client.envs.private_simulator import PrivateSimulator, simulator_command

TASK = "serl/PickCubeVision-v0"
ROBOT = ("--robot.type=serl", f"--robot.task={TASK}", "--robot.state=task")
EXPERT = ("--teleop.type=serl_expert", f"--teleop.task={TASK}")
EPISODE_TIME_S, RESET_TIME_S = 4, 1
HOME = (0.4, 0.0, 0.25)


def call(*command):
    subprocess.run([str(part) for part in command], env=os.environ | {"HF_HUB_OFFLINE": "1"}, check=True)


def record(address, output, executables):
    """Records two episodes in lockstep, from two cameras and the task's state."""
    times = {"episode_time_s": EPISODE_TIME_S, "reset_time_s": RESET_TIME_S}
    call(
        executables / "lerobot-record",
        *ROBOT,
        *EXPERT,
        f"--robot.address={address}",
        *(f"--{group}.{name}={value}" for group in ("robot", "dataset") for name, value in times.items()),
        f"--dataset.root={output}",
        "--dataset.repo_id=check/recorded",
        "--dataset.single_task=lift the cube",
        "--dataset.fps=10",
        "--dataset.num_episodes=2",
        "--dataset.push_to_hub=false",
        "--play_sounds=false",
    )


def teleoperate(address, executables):
    """Drives in real time, where LeRobot's loop keeps the rate."""
    options = ("--robot.episode_time_s=60", f"--robot.address={address}", "--fps=10", "--teleop_time_s=4")
    call(executables / "lerobot-teleoperate", *ROBOT, *EXPERT, *options)


def check_recording(folder):
    """Imports the set: no episode has the arm brought back in it, and they are of two scenes."""
    call(sys.executable, "-m", "serl_rl", "import", folder / "set", folder / "set.episodes", "--format", "lerobot",
         "--task", TASK)  # fmt: skip
    episodes = read_episodes(folder / "set.episodes")
    assert len(episodes) == 2, len(episodes)
    for episode in episodes:
        state, actions = episode.observations["state"], episode.actions
        assert (state.shape[1:], actions.shape[1:]) == ((7,), (4,)), (state.shape, actions.shape)
        assert episode.observations["front"].shape[1:] == (128, 128, 3)
        assert episode.metadata["instruction"] == "lift the cube"
        assert abs(len(episode) - 10 * EPISODE_TIME_S) <= 12, len(episode)  # LeRobot goes by its own clock.
        tcp = 0.2 * state[:, :3] + (0.4, 0.0, 0.1)
        assert abs(tcp[0] - HOME).max() < 0.02, tcp[0]
        assert tcp[:, 2].min() < 0.04, tcp[:, 2]  # At the cube,
        assert tcp[-1, 2] > 0.1, tcp[:, 2]  # and up with it.
        assert (actions[-5:, 3] == -1).all()
        assert abs(tcp[1:] - tcp[:-1]).max() < 0.08  # Nowhere brought back.
    lowest = [episode.observations["state"][episode.observations["state"][:, 2].argmin(), :2] for episode in episodes]
    assert abs(lowest[0] - lowest[1]).max() > 0.05
    print(f"lerobot-record lifted {len(episodes)} cubes, and the import shows it")  # noqa: T201 - a program.


def main(folder: Path, executables: Path) -> None:
    with PrivateSimulator("pick-cube") as simulator:
        record(simulator.address, folder / "set", executables)
        with RobotClient(simulator.address) as watcher:
            assert watcher.get_state().control_holder == ""
    check_recording(folder)
    in_real_time = simulator_command("pick-cube", "{address}", Path("{ready_file}"), pacing="real-time")
    with PrivateSimulator("pick-cube", command=in_real_time) as simulator, RobotClient(simulator.address) as watcher:
        teleoperate(simulator.address, executables)
        with watcher.control("watcher") as session:
            height = session.opening_observation.tracked_objects["cube"].pose.position[2]
    assert height > 0.1, height
    print(f"lerobot-teleoperate lifted the cube {height:.2f} m in real time")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).absolute())
