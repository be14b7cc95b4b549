"""`serl-train export` and `serl-train import`: convert between episode files and formats of other projects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from serl_api.progress import Progress
from serl_api.settings import AT_LEAST_1, check_fields
from serl_rl.artifacts.run_directory import make_folder_of
from serl_rl.cli.options import refuse_existing, say


@dataclass(frozen=True, kw_only=True)
class ExportCommand:
    """Export an episode file as a LeRobot data set of version 3.0.

    What it makes is there whole or not at all.

    Try:
    serl-train export cube.episodes lerobot/cube --format lerobot

    serl-train export cube.episodes lerobot/cube --format lerobot --images png
    """

    source: tyro.conf.Positional[Path]
    """The episodes: an episode file, or any format that import reads."""
    output: tyro.conf.Positional[Path]
    """What to make; must not exist."""
    format: Literal["lerobot"] = "lerobot"
    """Whose format to write."""
    images: Literal["video", "png"] = "video"
    """Pictures as H.264, small and not exact, or as PNG, exact."""
    fps: Annotated[int | None, AT_LEAST_1] = None
    """Frames a second that the data set claims; else the episodes' own rate."""
    robot_type: str | None = None
    """Name of the robot to write down."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def run(self) -> int:
        """Exports, and says what was written."""
        from serl_rl.datasets.conversion import episodes_of
        from serl_rl.datasets.finding import open_episodes
        from serl_rl.datasets.lerobot.writing import LeRobotOptions, write_lerobot

        refuse_existing(self.output, "OUTPUT")
        progress = Progress()
        with progress.phase("opening the episodes"):
            source = open_episodes(self.source)
        make_folder_of(self.output, "OUTPUT")
        options = LeRobotOptions(images=self.images, fps=self.fps, robot_type=self.robot_type)
        with progress.phase("exporting episodes", len(source.lengths)) as phase:
            count = write_lerobot(self.output, source.header, episodes_of(source), options, phase.report)
        say(f"wrote {count} episodes to {self.output}")
        return 0


@dataclass(frozen=True, kw_only=True)
class ImportCommand:
    """Import a LeRobot data set of version 3.0 or 2.1 into an episode file.

    What it makes is there whole or not at all.

    Try:
    serl-train import lerobot/cube cube.episodes --format lerobot
    """

    source: tyro.conf.Positional[Path]
    """What to read."""
    output: tyro.conf.Positional[Path]
    """Episode file to make; must not exist."""
    format: Literal["lerobot"]
    """Whose format it is."""
    task: str | None = None
    """Environment that the episodes are of, such as serl/PickCube-v0; else what the source says of itself."""

    def run(self) -> int:
        """Imports, and says what was written."""
        from serl_rl.datasets.conversion import import_episodes
        from serl_rl.datasets.lerobot.reading import LeRobotSource

        refuse_existing(self.output, "OUTPUT")
        progress = Progress()
        with progress.phase("opening the data set"):
            source = LeRobotSource(self.source)
        make_folder_of(self.output, "OUTPUT")
        with progress.phase("importing episodes", len(source.lengths)) as phase:
            count = import_episodes(source, self.output, self.task, phase.report)
        say(f"wrote {count} episodes to {self.output}")
        return 0
