"""Compares what LeRobot reads with what was exported. Runs in its own virtual environment, without the product."""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

from lerobot.datasets.lerobot_dataset import LeRobotDataset  # pyright: ignore[reportMissingImports]


def main(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    for images, tolerance in (("video", 0.02), ("png", 1e-6)):
        dataset = LeRobotDataset(f"check/{images}", root=folder / images, delta_timestamps={"action": [0.0, 0.05]})
        assert (len(dataset), dataset.num_episodes, dataset.fps) == (len(expected), 3, 20)
        for index, wanted in enumerate(expected):
            found = dataset[index]
            assert found["task"] == wanted["task"], (index, found["task"])
            assert found["action"][0].tolist() == wanted["action"], index
            assert bool(found["action_is_pad"][1]) == wanted["next.done"], index
            assert found["observation.state"].tolist() == wanted["observation.state"], index
            difference = found["sensor.joint_positions"].double().numpy() - wanted["sensor.joint_positions"]
            assert abs(difference).max() < 1e-6, index
            for name in ("capture_time_ns.camera.front", "next.done"):
                assert found[name].item() == wanted[name], (index, name)
            colours = found["observation.images.front"].mean(dim=(1, 2)).numpy()
            assert abs(colours - wanted["observation.images.front"]).max() < tolerance, index
        print(f"LeRobot reads all {len(dataset)} frames with images as {images}")  # noqa: T201 - a program.


if __name__ == "__main__":
    main(Path(sys.argv[1]))
