"""`serl-train train-classifier`: a reward classifier from episode files, with a report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from serl_api.progress import Progress
from serl_rl.artifacts.run_directory import make_folder_of, write_json
from serl_rl.cli.options import print_json, refuse_existing, say
from serl_rl.errors import UsageError
from serl_rl.rewards.classifier.config import ClassifierConfig, ClassifierTrainingConfig

if TYPE_CHECKING:
    from serl_rl.rewards.classifier.calibration import ThresholdRow
    from serl_rl.rewards.classifier.training import TrainingProgress


_ONLY_SUCCESSES = (
    "every episode has a success: a policy will soon find pictures that none of them show and that look like one; "
    "add failures, such as those of record-demos --teleop random --keep-failures"
)
_LEAST_RECALL = 0.5


@dataclass(frozen=True, kw_only=True)
class TrainClassifierCommand:
    """Train a network that sees from images whether the task is done.

    Try:
    serl-train train-classifier --episodes demos.episodes failures.episodes --output classifiers/cube

    serl-train train-classifier --examples flipped=a.episodes down=b.episodes --success-class flipped --output egg

    serl-train train-classifier --episodes demos.episodes failures.episodes --cameras wrist --output classifiers/wrist
    """

    output: Path
    """Folder to make for the classifier, its report and the plot; must not exist."""
    episodes: tuple[Path, ...] = ()
    """Episode files that say where the task is done: by labels of each frame, else by how an episode ended."""
    examples: tuple[str, ...] = ()
    """CLASS=FILE: episode files whose frames are all of one class."""
    success_class: str = "success"
    """Class that means that the task is done."""
    cameras: tuple[str, ...] = ()
    """Cameras to look through, in this order; all without this option."""
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    """The network."""
    training: ClassifierTrainingConfig = field(default_factory=ClassifierTrainingConfig)
    """How it is trained."""

    def run(self) -> int:
        """Trains, saves, and prints the report as JSON."""
        from serl_api.lifetime.stop_signal import StopSignal
        from serl_rl.rewards.classifier.examples import has_failed_episode, load_examples
        from serl_rl.rewards.classifier.report import make_report, plot_report
        from serl_rl.rewards.classifier.store import PLOT, REPORT, save_classifier
        from serl_rl.rewards.classifier.training import train_classifier

        refuse_existing(self.output, "--output")
        by_class = parse_examples(self.examples)
        if not self.episodes and not by_class:
            raise UsageError("there is nothing to learn from; give --episodes FILE or --examples CLASS=FILE")
        make_folder_of(self.output, "--output")
        stop, training = StopSignal().install(), self.training
        shown = Progress()
        with shown.phase("reading the episodes"):
            examples = load_examples(
                self.episodes,
                by_class,
                cameras=self.cameras,
                ambiguous_frames=training.ambiguous_frames,
                max_frames=training.max_frames,
                seed=training.seed,
            )
        counts = ", ".join(f"{count} of {name}" for name, count in examples.counts().items())
        say(f"{len(examples)} frames: {counts}; cameras {', '.join(examples.images)}")
        if not has_failed_episode(examples):
            say(_ONLY_SUCCESSES)

        def show(progress: TrainingProgress) -> bool:
            say(f"step {progress.steps}: loss {progress.loss:.4f}, validation {progress.validation_loss:.4f}")
            phase.report(progress.steps)
            return not stop.is_set()

        with shown.phase("training the classifier", training.steps) as phase:
            trained = train_classifier(
                examples, self.classifier, training, success_class=self.success_class, on_progress=show
            )
        with shown.phase("judging the classifier"):
            report = make_report(trained, training.allowed_false_positive_rate)
        sources = [str(path) for path in self.episodes] + list(self.examples)
        figures = asdict(report)
        facts = {"sources": sources, "report": figures}
        save_classifier(trained.classifier, report.recommended.threshold, self.output, facts)
        plot_report(trained, report, self.output / PLOT)
        write_json(self.output / REPORT, figures)
        print_json(figures)
        if report.recommended.recall < _LEAST_RECALL:
            say(_blindness(report.recommended, self.output / PLOT))
        return 0


def _blindness(row: ThresholdRow, picture: Path) -> str:
    return (
        f"only {row.recall:.0%} of the successes pass the recommended threshold {row.threshold:.3f}, so that a policy "
        f"would seldom be rewarded: look at {picture}, then record more, train longer, or raise "
        "--training.allowed-false-positive-rate"
    )


def parse_examples(texts: tuple[str, ...]) -> dict[str, list[Path]]:
    """Parses files by class from "CLASS=FILE".

    Raises:
        UsageError: One has no class or no file.
    """
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, separator, path = text.partition("=")
        if not (name and separator and path):
            raise UsageError(f"--examples {text!r} is not of the form CLASS=FILE")
        found.setdefault(name, []).append(Path(path))
    return found
