"""Loads the policy of a checkpoint for evaluation, without torch unless it reads images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from serl_rl.algorithms.algorithm import RunnablePolicy
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.config import train as configuration
from serl_rl.config.train import TrainConfig
from serl_rl.errors import CheckpointError
from serl_rl.protocol.spec import EnvironmentSpec, difference


def load_policy(
    path: Path, changed: Callable[[TrainConfig], TrainConfig] = lambda config: config
) -> tuple[RunnablePolicy, TrainConfig, dict[str, Any]]:
    """Loads the policy of a checkpoint.

    Args:
        path: A checkpoint, or the folder of a run.
        changed: Changes settings of how the policy is run.

    Returns:
        The policy, the experiment that made it, and the checkpoint's manifest.

    Raises:
        CheckpointError: There is none, it is corrupt or foreign, or the weight file of its backbone is missing or not
            the one that it was learned with.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    saved = read_experiment(path)
    config = changed(saved.config)
    try:
        policy = config.make_policy(saved.spec)
        check_backbone(saved.path, saved.manifest, config, saved.spec)
        policy.load(load_file(saved.path / checkpoints.POLICY))
    except (FileNotFoundError, KeyError, ValueError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"the checkpoint {saved.path} does not fit this program: {error}") from error
    return policy, config, saved.manifest


def check_environment(path: Path, manifest: Mapping[str, Any], spec: EnvironmentSpec) -> None:
    """Refuses an environment that observes or takes something else than the one that a policy was learned in.

    Args:
        path: The checkpoint.
        manifest: Its manifest.
        spec: What the environment observes and takes.

    Raises:
        CheckpointError: It is another robot's, or another set-up.
    """
    learned = EnvironmentSpec.from_dict(manifest["spec"])
    if (found := difference(_comparable(learned, spec), _comparable(spec, learned))) is not None:
        raise CheckpointError(
            f"the policy in {path} was learned where {found[0]} is {found[1]}, but here it is {found[2]}; run it on "
            "the robot and in the task that it was learned with"
        )


def _comparable(spec: EnvironmentSpec, other: EnvironmentSpec) -> EnvironmentSpec:
    """Brings a spec's arrays into one order, without the components' names that the other one does not know."""
    named = {array.name for array in other.observation if array.component_names}
    arrays = (
        array if array.name in named else replace(array, component_names=())
        for array in sorted(spec.observation, key=lambda array: array.name)
    )
    action = spec.action if other.action.component_names else replace(spec.action, component_names=())
    return replace(spec, observation=tuple(arrays), action=action)


@dataclass(frozen=True)
class SavedExperiment:
    """Describes a checkpoint."""

    path: Path
    """The checkpoint."""
    manifest: dict[str, Any]
    """Its manifest."""
    config: TrainConfig
    """The experiment that made it."""
    spec: EnvironmentSpec
    """What its environment observes and takes."""


def read_experiment(path: Path) -> SavedExperiment:
    """Reads a checkpoint's description.

    Raises:
        CheckpointError: There is none, or it is corrupt or foreign.
    """
    path = find_checkpoint(path)
    manifest = checkpoints.read_manifest(path)
    try:
        config = configuration.from_dict(manifest["config"])
        spec = EnvironmentSpec.from_dict(manifest["spec"])
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"the checkpoint {path} does not fit this program: {error}") from error
    return SavedExperiment(path, manifest, with_found_weights(config, path), spec)


def with_found_weights(config: TrainConfig, path: Path) -> TrainConfig:
    """Takes the weight file beside a checkpoint, or in its run's folder, where it no longer is where it was.

    A run that was moved or copied brings its weights along; `check_backbone` compares their content.

    Args:
        config: The experiment.
        path: The checkpoint.
    """
    encoder = config.vision.encoder
    weights = encoder.backbone.weights
    if weights is None or weights.exists():
        return config
    for folder in (path, *path.absolute().parents[:2]):
        if (folder / weights.name).is_file():
            found = replace(encoder, backbone=replace(encoder.backbone, weights=folder / weights.name))
            return replace(config, vision=replace(config.vision, encoder=found))
    return config


def find_checkpoint(path: Path) -> Path:
    """Finds the checkpoint that a path means: itself, a run's final one, or a run's newest.

    Raises:
        CheckpointError: There is none.
    """
    for candidate in (path, path / "checkpoint", checkpoints.newest(path / "checkpoints")):
        if candidate is not None and (candidate / checkpoints.MANIFEST).exists():
            return candidate
    raise CheckpointError(f"there is no checkpoint in {path}; give a run's folder or a checkpoint's")


def backbone_of(config: TrainConfig, spec: EnvironmentSpec) -> str | None:
    """Describes the frozen backbone of a policy, as text; None where there is none.

    Such a backbone is no part of a checkpoint, but what is in one means nothing to the maps of another.

    Raises:
        UsageError: Its weight file cannot be read.
    """
    vision = config.vision_for(spec)
    return None if vision is None or not vision.encoder.backbone.frozen else vision.encoder.describe_backbone()


def check_backbone(path: Path, manifest: Mapping[str, Any], config: TrainConfig, spec: EnvironmentSpec) -> None:
    """Refuses a frozen backbone that is not the one that a policy was learned with.

    Args:
        path: The checkpoint.
        manifest: Its manifest; one without a word of the backbone fits any.
        config: The experiment that is to go on with it.
        spec: What the environment observes and takes.

    Raises:
        CheckpointError: It is another one.
        UsageError: Its weight file cannot be read.
    """
    known, own = manifest.get("backbone"), backbone_of(config, spec)
    if known is not None and own is not None and known != own:
        raise CheckpointError(
            f"the policy in {path} was learned with the backbone {known}, but here it is {own} (network, digest of the "
            "weight file, initialization, seed, shared, frozen); give the weight file and settings that it was learned "
            "with"
        )
