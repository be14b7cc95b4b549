"""Exports data sets for `reading.py`, with what it must find: `python -m tests.lerobot_check.writing FOLDER`."""

import json
import sys
from pathlib import Path

from serl_rl.datasets.lerobot.writing import LeRobotOptions, write_lerobot
from tests.support.episodes import HEADER, full_episode


def main(folder: Path) -> None:
    episodes = [
        full_episode(steps=20 + seed, seed=seed, metadata={"instruction": f"task {seed % 2}"}) for seed in range(3)
    ]
    for images in ("video", "png"):
        write_lerobot(folder / images, HEADER, episodes, LeRobotOptions(images=images))
    expected = [
        {
            "task": episode.metadata["instruction"],
            "action": episode.actions[step].tolist(),
            "observation.state": episode.observations["state"][step].tolist(),
            "sensor.joint_positions": episode.sensors["joint_positions"][step].tolist(),
            "capture_time_ns.camera.front": int(episode.sensor_stamps_ns["camera/front"][step]),
            "next.done": step == len(episode) - 1,
            "observation.images.front": (episode.observations["front"][step] / 255.0).mean(axis=(0, 1)).tolist(),
        }
        for episode in episodes
        for step in range(len(episode))
    ]
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
