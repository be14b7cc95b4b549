"""`serl-train bc`: clones a policy from demonstrations."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from serl_api.progress import Progress
from serl_rl.algorithms.bc_config import BcConfig
from serl_rl.artifacts.run_directory import RunDirectory, make_folder_of, write_json
from serl_rl.cli.options import Experiment, print_json, refuse_existing, say
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    from serl_rl.learner.behavior_cloning import CloningProgress

_SAVE_S = 5.0
_RESULT = "cloning.json"


@dataclass(frozen=True, kw_only=True)
class BcCommand(Experiment):
    """Clone a policy from demonstrations, without a robot, a simulator or a reward.

    The checkpoint in the run's folder is for `serl-train evaluate`, and for `serl-train learner --initial-policy`.
    Ctrl-C keeps the best policy so far.

    Try:
    serl-train bc --demonstrations cube.episodes --run-directory runs/bc

    serl-train bc --config-file cube.json --demonstrations demos.episodes --run-directory runs/bc --bc.steps 3000
    """

    demonstrations: tuple[Path, ...]
    """Episode files to imitate."""
    run_directory: Path
    """Folder to make for the checkpoint; must not exist."""
    bc: BcConfig = field(default_factory=BcConfig)
    """How to clone."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    """The experiment, of which the task, the network, cameras, seed, threads and device count."""

    def run(self) -> int:
        """Clones, with a line for each check, and prints the result as JSON."""
        from serl_rl.demonstrations.files import check_files
        from serl_rl.learner.trainer import Trainer
        from serl_rl.models.device import find_device

        refuse_existing(self.run_directory, "--run-directory")
        if self.config.algorithm != "sac":
            raise UsageError(f"bc clones into the policy of sac, but algorithm is {self.config.algorithm}; name sac")
        check_files(self.demonstrations, self.config.environment)
        make_folder_of(self.run_directory, "--run-directory")
        progress = Progress()
        with progress.phase("loading torch"):
            Trainer.preload(self.config)

        from serl_api.lifetime.stop_signal import StopSignal
        from serl_rl.algorithms.bc import BcAgent
        from serl_rl.demonstrations.files import read_demonstrations
        from serl_rl.learner.behavior_cloning import clone, steps_of, validation_split
        from serl_rl.learner.clone_checkpoint import CloneWriter

        config = self.config
        with progress.phase("reading the demonstrations"):
            given = read_demonstrations(self.demonstrations, config.environment, keeps_failures=self.bc.keeps_failures)
        own, held_out = validation_split(given.episodes, self.bc.validation_share, config.seed)
        left_out = f", {given.failures} without success left out" if given.failures else ""
        say(f"{len(own)} episodes to learn from, {len(held_out)} to validate with{left_out}")
        vision = config.vision_for(given.spec)
        agent = BcAgent(
            given.spec,
            config.sac,
            self.bc,
            vision=vision,
            seed=config.seed,
            device=find_device(config.learner.device),
        )
        stop, start_s = StopSignal().install(), time.monotonic()
        with progress.phase("preparing the steps"):
            crops = 0 if vision is None or not vision.largest_shift else vision.cache.crops
            training = steps_of(own, agent, config, crops=crops)
            validation = steps_of(held_out, agent, config, crops=0) if held_out else None
        directory = RunDirectory(self.run_directory)
        directory.path.mkdir(parents=True)
        write_json(directory.config, to_dict(config))
        sources = [str(path) for path in self.demonstrations]
        facts = {"bc": asdict(self.bc), "demonstrations": sources}
        writer = CloneWriter(directory.final_checkpoint, config, given.spec, facts)
        saved_s = -_SAVE_S

        def show(done: CloningProgress) -> bool:
            nonlocal saved_s
            phase.report(done.steps)
            say(_line(done, self.bc.steps))
            if done.is_best and time.monotonic() >= saved_s + _SAVE_S:  # What a kill must not lose.
                writer.save(agent.policy_state(), done.steps)
                saved_s = time.monotonic()
            return not stop.is_set()

        with progress.phase("cloning", self.bc.steps) as phase:
            history = clone(agent, training, validation, config.seed, show)
        best = next(progress for progress in reversed(history) if progress.is_best)
        writer.save(agent.policy_state(), best.steps)
        result = {
            "episodes": len(own),
            "validation_episodes": len(held_out),
            "steps": history[-1].steps,
            "best": _plain(best),
            "wall_time_s": round(time.monotonic() - start_s, 2),
            "checkpoint": str(directory.final_checkpoint),
        }
        write_json(directory.path / _RESULT, result | {"history": [_plain(progress) for progress in history]})
        print_json(result)
        return 0


def _line(progress: CloningProgress, steps: int) -> str:
    line = f"step {progress.steps} of {steps}: loss {progress.loss:.3f}"
    if not math.isnan(progress.validation_loss):
        line += f", validation {progress.validation_loss:.3f}, error of actions {progress.validation_error:.3f}"
    return line + (" (best)" if progress.is_best else "")


def _plain(progress: CloningProgress) -> dict[str, Any]:
    """Returns JSON values; what is NaN is left out."""
    values = {name: value for name, value in asdict(progress).items() if name != "is_best" and not math.isnan(value)}
    return {name: round(value, 6) for name, value in values.items()}
