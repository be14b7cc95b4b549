"""`serl-train review`: lists the episodes of a file, deletes some, shows one."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from serl_api.progress import Progress
from serl_api.settings import AT_LEAST_0, check_fields
from serl_rl.cli.options import print_json, say
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    from serl_client.episodes.files import Episode
    from serl_rl.demonstrations.reviewing import EpisodeFigures
    from serl_rl.demonstrations.timing import EpisodeTiming


@dataclass(frozen=True, kw_only=True)
class ReviewCommand:
    """List the episodes of a file; delete or keep some by number; export the pictures of one.

    Deleting writes the file anew and puts it in the place of the old one at the very end; whatever interrupts it leaves
    the old one as it was.

    Try:
    serl-train review cube.episodes

    serl-train review cube.episodes --delete 1,4-6

    serl-train review cube.episodes --timing

    serl-train review cube.episodes --export episode.gif --episode 3
    """

    file: tyro.conf.Positional[Path]
    """The episode file."""
    delete: str | None = None
    """Episodes to delete, such as 1,4-6."""
    keep: str | None = None
    """Episodes to keep; all others are deleted."""
    export: Path | None = None
    """What to write the pictures of --episode to: a .gif, an .mp4, or a folder of PNG files."""
    episode: Annotated[int, AT_LEAST_0] = 0
    """Episode to export."""
    timing: bool = False
    """Whether to list skew, repetitions and unseen frames of each sensor in place of the episodes."""
    json: bool = False
    """Whether to list as JSON."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def run(self) -> int:
        """Does what was asked, and lists what the file holds then."""
        from serl_client.episodes.files import iterate_episodes
        from serl_rl.demonstrations.reviewing import figures_of

        if self.delete is not None and self.keep is not None:
            raise UsageError("give either --delete or --keep, not both")
        if self.delete is not None or self.keep is not None:
            self._remove()
        if self.export is not None:
            return self._export(self.export)
        if self.timing:
            return self._list_timing()
        figures = []
        with Progress().phase("reading the episodes") as phase:
            for number, episode in enumerate(iterate_episodes(self.file)):
                figures.append(figures_of(number, episode))
                phase.report(note=f"{number + 1} so far")
        if self.json:
            print_json([asdict(entry) for entry in figures])
        else:
            sys.stdout.write(table(figures))
        return 0

    def _list_timing(self) -> int:
        from serl_client.episodes.files import iterate_episodes
        from serl_rl.demonstrations.timing import timing_of

        found = []
        with Progress().phase("reading the episodes") as phase:
            for number, episode in enumerate(iterate_episodes(self.file)):
                found.append(timing_of(number, episode))
                phase.report(note=f"{number + 1} so far")
        if self.json:
            print_json([asdict(entry) for entry in found])
        else:
            sys.stdout.write(timing_table(found))
        return 0

    def _remove(self) -> None:
        from serl_client.episodes.editing import edit_episodes
        from serl_client.episodes.files import iterate_episodes
        from serl_rl.demonstrations.labelling import check_numbers, parse_numbers

        named = parse_numbers(self.delete or self.keep or "")
        count = sum(1 for _ in iterate_episodes(self.file))
        check_numbers(named, count, self.file)
        is_kept_when_named = self.keep is not None

        def choose(number: int, episode: Episode) -> Episode | None:
            return episode if (number in named) == is_kept_when_named else None

        with Progress().phase("writing the episodes that stay"):
            kept = edit_episodes(self.file, choose)
        say(f"deleted {count - kept} of {count} episodes; those that stay are numbered anew")

    def _export(self, output: Path) -> int:
        from serl_client.episodes.files import iterate_episodes
        from serl_rl.demonstrations.labelling import check_numbers
        from serl_rl.demonstrations.reviewing import export_frames

        count = 0
        with Progress().phase("exporting the pictures"):
            for number, episode in enumerate(iterate_episodes(self.file)):
                count += 1
                if number == self.episode:
                    say(f"wrote {export_frames(number, episode, output)}")
                    return 0
        check_numbers(frozenset((self.episode,)), count, self.file)
        return 0


def table(figures: list[EpisodeFigures]) -> str:
    """Lists one line an episode, and one for all."""
    lines = ["episode  steps  seconds  return  success  end         intervention  labels +/-"]
    lines += [
        f"{one.number:7d}  {one.steps:5d}  {one.duration_s:7.1f}  {one.episode_return:6.2f}  "
        f"{'yes' if one.success else 'no':7s}  {one.end:10s}  {one.intervention_ratio:12.0%}  "
        f"{one.positives}/{one.negatives}"
        for one in figures
    ]
    steps, successes = sum(one.steps for one in figures), sum(one.success for one in figures)
    lines.append(f"{len(figures)} episodes, {successes} successes, {steps} steps")
    return "\n".join(lines) + "\n"


def timing_table(found: list[EpisodeTiming]) -> str:
    """Lists one line a sensor of each episode, and one for all."""
    lines = ["episode  steps  rate Hz  late  sensor                mean skew ms  largest ms  repeated  unseen"]
    lines += [
        f"{one.number:7d}  {one.steps:5d}  {one.rate_hz:7.2f}  {one.late_steps:4d}  {sensor.sensor:20s}  "
        f"{sensor.mean_skew_ms:12.2f}  {sensor.largest_skew_ms:10.2f}  {sensor.repeated:8d}  {sensor.unseen:6d}"
        for one in found
        for sensor in one.sensors
    ]
    unknown = sum(not one.sensors for one in found)
    late = sum(one.late_steps for one in found)
    lines.append(f"{len(found)} episodes, {late} late steps" + (f", {unknown} tell no sensors" if unknown else ""))
    return "\n".join(lines) + "\n"
