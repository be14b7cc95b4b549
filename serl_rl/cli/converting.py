"""`serl-train export` and `serl-train import`: convert between episode files and formats of other projects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from serl_api.progress import Progress
from serl_api.settings import AT_LEAST_1, POSITIVE, check_fields
from serl_rl.artifacts.run_directory import make_folder_of
from serl_rl.cli.options import refuse_existing, say
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    from serl_client.episodes.files import Episode, EpisodeHeader
    from serl_rl.datasets.source import EpisodeSource, OnEpisode


@dataclass(frozen=True, kw_only=True)
class ExportCommand:
    """Export episodes as a LeRobot data set of version 3.0, or as ALOHA's HDF5 files.

    What it makes is there whole or not at all.

    Try:
    serl-train export cube.episodes lerobot/cube --format lerobot

    serl-train export cube.episodes lerobot/cube --format lerobot --images png

    serl-train export cube.episodes aloha/cube --format aloha
    """

    source: tyro.conf.Positional[Path]
    """The episodes: an episode file, or any format that import reads."""
    output: tyro.conf.Positional[Path]
    """Folder to make; must not exist."""
    format: Literal["lerobot", "aloha"] = "lerobot"
    """Whose format to write."""
    images: Literal["video", "png", "raw", "jpeg"] | None = None
    """Pictures: for lerobot video (H.264, small and not exact) or png (exact); for aloha raw (exact) or jpeg. Else the
    first of these."""
    fps: Annotated[int | None, AT_LEAST_1] = None
    """Frames a second that a LeRobot data set claims; else the episodes' own rate."""
    robot_type: str | None = None
    """Name of the robot for a LeRobot data set."""
    jpeg_colours: Literal["bgr", "rgb"] = "bgr"
    """Order of the colours within JPEGs of ALOHA: bgr is what OpenCV gives back as RGB, as ALOHA does."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def run(self) -> int:
        """Exports, and says what was written."""
        from serl_rl.datasets.conversion import exported
        from serl_rl.datasets.finding import open_episodes

        write = self._writer()
        refuse_existing(self.output, "OUTPUT")
        progress = Progress()
        with progress.phase("opening the episodes"):
            source = open_episodes(self.source)
        make_folder_of(self.output, "OUTPUT")
        with progress.phase("exporting episodes", len(source.lengths)) as phase:
            count = write(self.output, source.header, exported(source), phase.report)
        say(f"wrote {count} episodes to {self.output}")
        return 0

    def _writer(self) -> Callable[[Path, EpisodeHeader, Iterator[Episode], OnEpisode], int]:
        if self.format == "lerobot":
            from serl_rl.datasets.lerobot.writing import LeRobotOptions, write_lerobot

            if self.images not in (None, "video", "png"):
                raise UsageError(f"images is {self.images}, which is ALOHA's; lerobot takes video or png")
            options = LeRobotOptions(images=self.images or "video", fps=self.fps, robot_type=self.robot_type)
            return lambda path, header, episodes, told: write_lerobot(path, header, episodes, options, told)
        from serl_rl.datasets.aloha.writing import AlohaOptions, write_aloha

        if self.images not in (None, "raw", "jpeg"):
            raise UsageError(f"images is {self.images}, which is LeRobot's; aloha takes raw or jpeg")
        chosen = AlohaOptions(images=self.images or "raw", jpeg_colours=self.jpeg_colours)
        return lambda path, header, episodes, told: write_aloha(path, header, episodes, chosen, told)


@dataclass(frozen=True, kw_only=True)
class ImportCommand:
    """Import a LeRobot data set of version 3.0 or 2.1, ALOHA's HDF5 files or HIL-SERL's pickles into an episode file.

    What it makes is there whole or not at all.

    Try:
    serl-train import lerobot/cube cube.episodes --format lerobot

    serl-train import aloha/cube cube.episodes --format aloha --rate-hz 50

    serl-train import demos.pkl demos.episodes --format hil-serl --task serl/PegInsertVision-v0
    """

    source: tyro.conf.Positional[Path]
    """What to read."""
    output: tyro.conf.Positional[Path]
    """Episode file to make; must not exist."""
    format: Literal["lerobot", "aloha", "hil-serl"] = "lerobot"
    """Whose format it is."""
    task: str | None = None
    """Environment that the episodes are of, such as serl/PickCube-v0; else what the source says of itself."""
    rate_hz: Annotated[float | None, POSITIVE] = None
    """Steps a second, where the source does not say it; else 50 for ALOHA and 10 for HIL-SERL."""
    jpeg_colours: Literal["bgr", "rgb"] = "bgr"
    """Order of the colours within JPEGs of ALOHA: bgr is what OpenCV gives back as RGB, as ALOHA does."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def run(self) -> int:
        """Imports, and says what was written."""
        from serl_rl.datasets.conversion import import_episodes

        refuse_existing(self.output, "OUTPUT")
        progress = Progress()
        with progress.phase("opening what is to be imported"):
            source = self._open()
        make_folder_of(self.output, "OUTPUT")
        with progress.phase("importing episodes", len(source.lengths)) as phase:
            count = import_episodes(source, self.output, self.task, phase.report)
        say(f"wrote {count} episodes to {self.output}")
        return 0

    def _open(self) -> EpisodeSource:
        if self.format == "lerobot":
            from serl_rl.datasets.lerobot.reading import LeRobotSource

            return LeRobotSource(self.source)
        if self.format == "hil-serl":
            from serl_rl.datasets.hil_serl import reading

            return reading.HilSerlSource(self.source, rate_hz=self.rate_hz or reading.RATE_HZ)
        from serl_rl.datasets.aloha.layout import RATE_HZ
        from serl_rl.datasets.aloha.reading import AlohaSource

        return AlohaSource(self.source, rate_hz=self.rate_hz or RATE_HZ, jpeg_colours=self.jpeg_colours)
