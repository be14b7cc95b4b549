"""`serl-train act`: trains a policy of action chunks from demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from serl_api.progress import Progress
from serl_rl.algorithms.act.config import ActTrainingConfig
from serl_rl.artifacts.run_directory import RunDirectory, make_folder_of
from serl_rl.cli.options import Experiment, option_value, print_json, refuse_existing, say
from serl_rl.config.train import TrainConfig
from serl_rl.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ActCommand(Experiment):
    """Train a policy of action chunks (ACT) from demonstrations, without a robot, a simulator or a reward.

    The checkpoint in the run's folder is for `serl-train evaluate`. Ctrl-C keeps the best policy so far and all that
    training goes on from.

    Try:
    serl-train act --preset relocate-cube --demonstrations cube.episodes --run-directory runs/act

    serl-train act --run-directory runs/act --resume --training.steps 20000

    serl-train act --demonstrations a.episodes --run-directory runs/b --algorithm-config.chunk-size 10
    """

    demonstrations: tuple[Path, ...] = ()
    """Episode files to imitate; a resumed run goes on with those that it had."""
    run_directory: Path
    """Folder to make for the checkpoint; must not exist unless it is gone on with."""
    resume: bool = False
    """Go on with the run in the folder, with its settings unless others are given."""
    training: ActTrainingConfig = field(default_factory=ActTrainingConfig)
    """How to train."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=lambda: TrainConfig(algorithm="act"))
    """The experiment, of which the task, the network, cameras, seed, threads and device count."""

    @classmethod
    def defaults(cls, arguments: Sequence[str]) -> dict[str, Any]:
        """Finds how the run was trained that is gone on with."""
        folder = option_value(arguments, "--run-directory")
        if folder is None or "--resume" not in arguments:
            return {}
        from serl_rl.learner.act_run import experiment_of_run

        directory = RunDirectory(Path(folder))
        if not directory.final_checkpoint.exists():
            return {}  # `run` refuses it: what is only parsed, as for --help, needs no run.
        training, demonstrations = experiment_of_run(directory)
        return {"training": training, "demonstrations": demonstrations}

    def run(self) -> int:
        """Trains, with a line for each check, and prints the result as JSON."""
        from serl_rl.demonstrations.files import check_files
        from serl_rl.learner.trainer import Trainer

        if self.resume:
            from serl_rl.learner.act_run import experiment_of_run

            experiment_of_run(RunDirectory(self.run_directory))  # Refused before a file is read.
        else:
            refuse_existing(self.run_directory, "--run-directory")
        if self.config.algorithm != "act":
            raise UsageError(f"act trains the algorithm act, but algorithm is {self.config.algorithm}; leave it away")
        check_files(self.demonstrations, self.config.environment)
        make_folder_of(self.run_directory, "--run-directory")
        progress = Progress()
        with progress.phase("loading torch"):
            Trainer.preload(self.config)

        from serl_api.lifetime.stop_signal import StopSignal
        from serl_rl.learner.act_run import ActExperiment, train_act

        experiment = ActExperiment(config=self.config, training=self.training, demonstrations=self.demonstrations)
        stop = StopSignal().install()
        directory = RunDirectory(self.run_directory)
        print_json(train_act(experiment, directory, stop, progress, say, resume=self.resume))
        return 0
