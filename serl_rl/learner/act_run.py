"""Runs the training of a policy of chunks in a folder: demonstrations in, checkpoint and figures out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_api.settings import to_dataclass
from serl_rl.algorithms.act.agent import ActAgent
from serl_rl.algorithms.act.config import ActTrainingConfig
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.demonstrations.files import read_demonstrations
from serl_rl.errors import CheckpointError
from serl_rl.learner.behavior_cloning import validation_split
from serl_rl.learner.chunk_training import ChunkProgress, ChunkTraining
from serl_rl.learner.chunks import chunks_of, statistics_of
from serl_rl.learner.clone_checkpoint import CloneWriter
from serl_rl.models.device import find_device

RESULT = "training.json"
"""File of a run with the figures of training."""


@dataclass(frozen=True, kw_only=True)
class ActExperiment:
    """Names all that a training is made from."""

    config: TrainConfig
    """The experiment; its algorithm is act."""
    training: ActTrainingConfig
    """How the network is trained."""
    demonstrations: tuple[Path, ...]
    """Episode files to imitate."""


def train_act(
    experiment: ActExperiment,
    directory: RunDirectory,
    stop: StopSignal,
    progress: Progress,
    say: Callable[[str], None],
    *,
    resume: bool = False,
) -> dict[str, Any]:
    """Trains, and writes checkpoint and figures.

    Args:
        experiment: What to train from what.
        directory: Folder of the run; made if need be.
        stop: Ends training at the next check.
        progress: Shows the phases.
        say: Told each check in one line.
        resume: Whether to go on with the checkpoint in the folder.

    Returns:
        The figures.

    Raises:
        UsageError: The demonstrations do not fit the experiment.
        CheckpointError: There is none to go on with, it does not fit, or none can be written.
        DivergedError: A loss is NaN or infinite.
    """
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    config = experiment.config
    training, counts = _prepare(experiment, progress, say)
    facts = {
        "algorithm": "act",
        "training": asdict(experiment.training),
        "demonstrations": [str(path.absolute()) for path in experiment.demonstrations],
    }
    if resume:
        _resume(training, directory)
        say(f"going on after step {training.steps}")
    directory.path.mkdir(parents=True, exist_ok=True)
    write_json(directory.config, to_dict(config))
    writer = CloneWriter(directory.final_checkpoint, config, training.agent.spec, facts)
    saved_s = time.monotonic()

    def show(done: ChunkProgress) -> bool:
        nonlocal saved_s
        phase.report(done.steps)
        say(_line(done, experiment.training.steps))
        if time.monotonic() >= saved_s + config.learner.checkpoint_period_s:  # What a kill must not lose.
            writer.save(training.best, training.best_steps, training.state_dict())
            saved_s = time.monotonic()
        return not stop.is_set()

    with progress.phase("training", experiment.training.steps) as phase:
        training.run(show)
    writer.save(training.best, training.best_steps, training.state_dict())
    result = counts | {
        "steps": training.steps,
        "best_steps": training.best_steps,
        "best_validation_error": _best_error(training.history),
        "wall_time_s": round(time.monotonic() - start_s, 2),
        "cpu_time_s": round(time.process_time() - start_cpu_s, 2),
        "checkpoint": str(directory.final_checkpoint),
    }
    write_json(directory.path / RESULT, result | {"history": [asdict(check) for check in training.history]})
    return result


def experiment_of_run(directory: RunDirectory) -> tuple[ActTrainingConfig, tuple[Path, ...]]:
    """Reads how a run was trained and from which files.

    Raises:
        CheckpointError: There is no checkpoint of such a training.
    """
    manifest = _manifest_of(directory)
    try:
        training = to_dataclass(ActTrainingConfig, manifest["training"])
        return training, tuple(map(Path, manifest["demonstrations"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint {directory.final_checkpoint} is none of `serl-train act` ({error}); give another "
            "--run-directory"
        ) from error


def _manifest_of(directory: RunDirectory) -> Mapping[str, Any]:
    if not directory.final_checkpoint.exists():
        raise CheckpointError(
            f"there is no checkpoint in {directory.path} to go on with; begin without --resume, or give another "
            "--run-directory"
        )
    return checkpoints.read_manifest(directory.final_checkpoint)


def _prepare(
    experiment: ActExperiment, progress: Progress, say: Callable[[str], None]
) -> tuple[ChunkTraining, dict[str, Any]]:
    """Reads the demonstrations and makes the agent; returns the counts of both kinds of episodes too."""
    config, settings = experiment.config, experiment.training
    with progress.phase("reading the demonstrations"):
        given = read_demonstrations(
            experiment.demonstrations, config.environment, keeps_failures=settings.keeps_failures
        )
    own, held_out = validation_split(given.episodes, settings.validation_share, config.seed)
    left_out = f", {given.failures} without success left out" if given.failures else ""
    say(f"{len(own)} episodes to learn from, {len(held_out)} to validate with{left_out}")
    vision = config.vision_for(given.spec)
    device = torch.device(find_device(config.learner.device))
    agent = ActAgent(
        given.spec,
        config.algorithm_config,
        settings,
        vision=vision,
        statistics=statistics_of(own, given.spec),
        seed=config.seed,
        device=device,
    )
    shared = {"seed": config.seed, "device": device}
    size = config.algorithm_config.chunk_size
    with progress.phase("preparing the steps"):
        crops = 0 if vision is None or not vision.largest_shift else vision.cache.crops
        learned = chunks_of(own, size, given.spec, agent.preprocessor, crops=crops, **shared)
        judged = chunks_of(held_out, size, given.spec, agent.preprocessor, crops=0, **shared) if held_out else None
    counts = {"episodes": len(own), "validation_episodes": len(held_out), "chunks": len(learned)}
    return ChunkTraining(agent=agent, training=learned, validation=judged, seed=config.seed), counts


def _resume(training: ChunkTraining, directory: RunDirectory) -> None:
    path = directory.final_checkpoint
    manifest = _manifest_of(directory)
    state = checkpoints.unflatten(checkpoints.load_tensors(path, checkpoints.AGENT), manifest["agent"])
    try:
        training.load_state_dict(state, checkpoints.load_tensors(path, checkpoints.POLICY))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint {path} does not fit this experiment: {error}") from error


def _best_error(history: Sequence[ChunkProgress]) -> float | None:
    errors = [progress.validation_error for progress in history if progress.validation_error is not None]
    return round(min(errors), 6) if errors else None


def _line(progress: ChunkProgress, steps: int) -> str:
    line = f"step {progress.steps} of {steps}: l1 {progress.l1:.3f}, kl {progress.kl:.3f}"
    if progress.validation_error is not None and math.isfinite(progress.validation_error):
        line += f", validation {progress.validation_error:.4f}"
    return line + (" (best)" if progress.is_best else "")
