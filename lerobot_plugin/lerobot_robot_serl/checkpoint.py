"""Loads a checkpoint of LeRobot, from safetensors and JSON alone, and runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lerobot.configs import PreTrainedConfig
from lerobot.policies import get_policy_class, make_pre_post_processors
from lerobot.policies.utils import prepare_observation_for_inference
from numpy.typing import NDArray

from lerobot_robot_serl.served_policy import ServedPolicyError

WEIGHTS, CONFIG = "model.safetensors", "config.json"
PIPELINES = ("policy_preprocessor.json", "policy_postprocessor.json")
_LONGEST_REASON = 200
_STATE, _IMAGES, _ACTION = "observation.state", "observation.images.", "action"


class CheckpointPolicy:
    """Runs one policy of LeRobot, with the processors that it was saved with.

    Args:
        policy: In evaluation mode.
        before: Prepares and normalizes observations.
        after: Brings actions back to their units.
        device: Where it runs.
    """

    def __init__(self, policy: Any, before: Any, after: Any, device: str) -> None:  # noqa: ANN401 - LeRobot's classes.
        self._policy = policy
        self._before = before
        self._after = after
        self._device = torch.device(device)
        config = policy.config
        # Such policies remember observations or blend chunks themselves, one step at a time.
        self._is_stepwise = config.n_obs_steps > 1 or getattr(config, "temporal_ensemble_coeff", None) is not None
        self._names = {name: _short(name) for name in config.input_features}
        self.inputs = {_short(name): _shape(feature) for name, feature in config.input_features.items()}
        """Shape of what it reads, by name: `state`, and each camera (height, width, 3)."""
        self.action_size = int(config.output_features[_ACTION].shape[0])
        """Numbers of an action."""

    def begin_episode(self) -> None:
        """Forgets the last episode."""
        for part in (self._policy, self._before, self._after):
            part.reset()

    @torch.inference_mode()
    def actions(self, observation: Mapping[str, NDArray[Any]], instruction: str) -> NDArray[np.float32]:
        """Returns the actions that LeRobot would execute before it looks again, shape (T, A)."""
        named = {name: observation[short].copy() for name, short in self._names.items()}
        batch = self._before(prepare_observation_for_inference(named, self._device, instruction, ""))
        if self._is_stepwise:
            chunk = self._policy.select_action(batch)[:, None]
        else:
            chunk = self._policy.predict_action_chunk(batch)[:, : self._policy.config.n_action_steps]
        actions = [self._after(chunk[:, step]) for step in range(chunk.shape[1])]
        return torch.cat(actions).cpu().numpy().astype(np.float32)


def load_checkpoint(folder: Path, device: str = "cpu") -> CheckpointPolicy:
    """Loads a checkpoint.

    Weights must be those of the configuration, each of them, and every feature that is normalized needs its
    statistics: LeRobot itself would go on without either, and the arm would do nonsense.

    Args:
        folder: As LeRobot's `save_pretrained` leaves it.
        device: Where it runs.

    Raises:
        ServedPolicyError: A file is missing, the weights do not fit, or statistics are missing.
    """
    _check_files(folder)
    try:
        config = PreTrainedConfig.from_pretrained(folder)
        config.device = device
        config.pretrained_path = None
        if hasattr(config, "pretrained_backbone_weights"):
            config.pretrained_backbone_weights = None  # The checkpoint has them; nothing is fetched.
        policy = get_policy_class(config.type).from_pretrained(folder, config=config, strict=True)
        overrides = {"device_processor": {"device": device}}
        before, after = make_pre_post_processors(config, str(folder), preprocessor_overrides=overrides)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ServedPolicyError(f"the LeRobot policy in {folder} cannot be loaded: {_first_line(error)}") from error
    _check_statistics(folder, config, config.input_features, before.steps)
    _check_statistics(folder, config, config.output_features, after.steps)
    return CheckpointPolicy(policy, before, after, device)


def _check_files(folder: Path) -> None:
    for name in (CONFIG, WEIGHTS, *PIPELINES):
        if not (folder / name).is_file():
            raise ServedPolicyError(f"the LeRobot policy in {folder} lacks {name}; save it with save_pretrained")
    for name in PIPELINES:
        try:
            steps = json.loads((folder / name).read_text())["steps"]
            foreign = [str(step["class"]) for step in steps if "registry_name" not in step]
        except (ValueError, KeyError, TypeError) as error:
            raise ServedPolicyError(f"{folder / name} is no list of processing steps: {error!r}") from error
        if foreign:
            raise ServedPolicyError(
                f"{folder / name} asks to import {', '.join(foreign)}; only steps that LeRobot has registered are run"
            )


def _check_statistics(folder: Path, config: Any, features: Mapping[str, Any], steps: Sequence[Any]) -> None:  # noqa: ANN401
    """Looks for the statistics of features in the steps that scale them: LeRobot leaves those without as they are."""
    known: dict[str, Mapping[str, Any]] = {}
    for step in steps:
        known |= getattr(step, "stats", None) or {}
    for name, feature in features.items():
        mode = config.normalization_mapping.get(feature.type.value)
        if mode is None or mode.value == "IDENTITY":
            continue
        numbers = [np.asarray(value, float) for value in known.get(name, {}).values()]
        if not numbers or not all(np.isfinite(value).all() for value in numbers):
            raise ServedPolicyError(
                f"the LeRobot policy in {folder} scales {name} by {mode.value}, but its statistics are missing or not "
                "finite; save its processors with the statistics of its data set"
            )


def _short(name: str) -> str:
    return "state" if name == _STATE else name.removeprefix(_IMAGES).removeprefix("observation.")


def _shape(feature: Any) -> tuple[int, ...]:  # noqa: ANN401
    shape = tuple(int(size) for size in feature.shape)
    return (*shape[1:], shape[0]) if len(shape) == 3 else shape


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2]) if lines else type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]} ..."
