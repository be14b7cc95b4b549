"""`serl-train label-success`: says of observations whether the task is done there, while driving or afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from serl_api.progress import Progress
from serl_api.settings import AT_LEAST_0, AT_LEAST_1
from serl_client.teleop.opening import TeleopConfig
from serl_rl.artifacts.run_directory import make_folder_of
from serl_rl.cli.options import Experiment, say
from serl_rl.envs.factory import RobotConfig
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    from serl_client.episodes.files import Episode
    from serl_client.episodes.recording import RecordingProgress


@dataclass(frozen=True, kw_only=True)
class LabelCommand(Experiment):
    """Label observations as success or not, for a reward classifier: live by holding a key, or in a recorded file.

    Live: somebody drives, you hold space while the task is done. Every episode is kept until there are enough
    positives. Afterwards: --file with marks, or with --last for all successes at once.

    Try:
    serl-train label-success --output l.episodes --preset pick-cube-vision --environment.reward none --robot pc:50051

    serl-train label-success --file cube.episodes --last 3

    serl-train label-success --file cube.episodes --mark 3:40-52 --mark 4:none
    """

    output: Path | None = None
    """Live: episode file to write; appended to where it exists."""
    file: Path | None = None
    """Afterwards: episode file to label anew."""
    mark: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Afterwards: observations that show the task done: EPISODE:FIRST-LAST, EPISODE:all or EPISODE:none."""
    last: Annotated[int, AT_LEAST_0] = 0
    """Afterwards: label this many observations at the end of every success, and all others as failure."""
    unsure: Annotated[int, AT_LEAST_0] = 2
    """Afterwards: observations before those of --last that show neither clearly and get no label."""
    teleop: str = "keyboard"
    """Live: who drives."""
    positives: Annotated[int, AT_LEAST_1] = 200
    """Live: observations to label as success."""
    teleop_config: Annotated[TeleopConfig, tyro.conf.arg(name="")] = field(default_factory=TeleopConfig)
    """Live: how a person drives."""
    robot: Annotated[RobotConfig, tyro.conf.arg(name="")] = field(default_factory=RobotConfig)
    """Live: which daemon drives the arm."""

    def run(self) -> int:
        """Labels."""
        if (self.output is None) == (self.file is None):
            raise UsageError("give either --output to label while driving, or --file to label a recording")
        if self.file is not None:
            return self._label_file(self.file)
        assert self.output is not None
        return self._label_live(self.output)

    def _label_file(self, path: Path) -> int:
        from serl_client.episodes.editing import edit_episodes
        from serl_client.episodes.files import iterate_episodes
        from serl_rl.demonstrations.labelling import check_numbers, last_labels, marked_labels, parse_marks, with_labels

        if not self.mark and self.last < 1:
            raise UsageError(
                "say what is a success: --mark EPISODE:FIRST-LAST, or --last 3 for the end of every success"
            )
        marks = parse_marks(self.mark)
        if marks:
            check_numbers(marks, sum(1 for _ in iterate_episodes(path)), path)
        counts = {True: 0, False: 0, None: 0}

        def label(number: int, episode: Episode) -> Episode:
            phase.report(note=f"episode {number}")
            if number in marks:
                labels = marked_labels(episode, marks[number], f"episode {number}")
            elif self.last >= 1:
                labels = last_labels(episode, self.last, self.unsure)
            else:
                return episode
            for value in labels:
                counts[value] += 1
            return with_labels(episode, labels)

        with Progress().phase("labelling") as phase:
            edit_episodes(path, label)
        say(f"labelled {counts[True]} observations as success, {counts[False]} as failure, {counts[None]} as neither")
        return 0

    def _label_live(self, output: Path) -> int:
        from serl_client.episodes.recording import record_episodes
        from serl_rl.demonstrations.recording import recording_environment, recording_session

        if self.positives < 1:
            raise UsageError(f"positives is {self.positives}; it must be at least 1")
        make_folder_of(output, "--output")
        with (
            recording_environment(self.config.environment, self.robot, output, say) as env,
            recording_session(
                env, self.config, output, self.teleop, self.teleop_config, labels=True, say=say
            ) as session,
        ):

            def progress(progress: RecordingProgress) -> None:
                found, others = label_counts(session.recorder.episodes)
                say(f"{found} of {self.positives} positives, {others} negatives in {progress.recorded} episodes")

            record_episodes(
                session.env,
                session.expert,
                session.recorder,
                is_done=lambda attempts: label_counts(session.recorder.episodes)[0] >= self.positives,
                keeps=lambda episode: True,
                on_progress=progress,
            )
        return 0


def label_counts(episodes: list[Episode]) -> tuple[int, int]:
    """Counts the observations that are labelled as success, and those as failure."""
    from serl_rl.demonstrations.labelling import labels_of

    labels = [label for episode in episodes for label in labels_of(episode)]
    return labels.count(True), labels.count(False)
