"""`serl-train demo`: simulator, learner and actor as separate processes, from nothing to a trained policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import tyro

from serl_api.settings import AT_LEAST_0, AT_LEAST_1
from serl_rl.algorithms.act.config import ActTrainingConfig
from serl_rl.cli.options import Experiment, chosen_preset, print_json, refuse_keyboard, say
from serl_rl.errors import UsageError
from serl_rl.models.pretraining.config import PretrainableName

if TYPE_CHECKING:
    from serl_api.lifetime.stop_signal import StopSignal
    from serl_rl.artifacts.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class DemoCommand(Experiment):
    """Train a task in simulation from nothing, with live progress, and leave curves, a video and a checkpoint.

    Starts a simulator, a learner and an actor as processes that talk gRPC on loopback, records scripted demonstrations,
    and stops when the evaluation reaches its target.

    Try:
    serl-train demo

    serl-train demo --vision

    serl-train demo --act

    serl-train demo --preset pick-cube-10 --seed 3 --name ten-critics

    serl-train demo --learner.max-env-steps 2000 --sac.discount 0.97
    """

    vision: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Learn from camera images: the preset of the same name with "-vision"."""
    act: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Imitate the scripted demonstrations by act, in this process: the preset of the same name with "-act"."""
    training: ActTrainingConfig = field(default_factory=ActTrainingConfig)
    """How act is trained; nothing else reads it."""
    name: str | None = None
    """Name of the run; by default the preset's, numbered."""
    runs: Path = Path("runs")
    """Folder of all runs."""
    evaluation_episodes: Annotated[int, AT_LEAST_1] = 100
    """Episodes of the final evaluation with the checkpoint."""
    video_episodes: Annotated[int, AT_LEAST_0] = 5
    """Episodes in the video; 0 for none."""

    def run(self) -> int:
        """Trains; exits with 1 if the target was not reached, 0 if it was or if it was stopped by a signal."""
        from serl_api.lifetime.stop_signal import StopSignal
        from serl_rl.artifacts import run_directory
        from serl_rl.envs.factory import check_environment
        from serl_rl.runs.demo import Demo

        check_environment(self.config.environment)  # Refused before a folder is made.
        self._check_pretraining()
        refuse_keyboard(self.config)
        stop = StopSignal().install()
        directory = run_directory.create(self.runs, self.name, self._default_name())
        if self.config.algorithm == "act":
            return self._run_act(directory, stop)
        is_reached = Demo(self.config, directory, self.evaluation_episodes, self.video_episodes, stop).run()
        return 0 if is_reached or stop.is_set() else 1

    def _default_name(self) -> str:
        name = "relocate-cube" if self.act and self.preset == "pick-cube" else self.preset
        return chosen_preset(name, vision=self.vision, act=self.act)

    def _run_act(self, directory: RunDirectory, stop: StopSignal) -> int:
        from serl_api.progress import Progress
        from serl_rl.runs.act_demo import ActDemo

        demo = ActDemo(self.config, self.training, directory, self.evaluation_episodes, self.video_episodes, stop)
        print_json(demo.run(Progress(), say))
        return 0

    def _check_pretraining(self) -> None:
        backbone = self.config.vision.encoder.backbone
        is_wanted = self.config.pretrain_encoder and backbone.weights is None
        if is_wanted and backbone.name not in get_args(PretrainableName):
            raise UsageError(
                f"vision.encoder.backbone.name is {backbone.name}, which cannot be pretrained; take "
                f"{' or '.join(get_args(PretrainableName))}, give --vision.encoder.backbone.weights, or begin with "
                "random ones by --no-pretrain-encoder"
            )
