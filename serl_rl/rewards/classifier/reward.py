"""Rewards success that classifiers detect: at once, or in stages on the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np

from serl_rl.models.vision.feature_memo import FeatureMemo
from serl_rl.rewards.classifier.condition import StateCondition
from serl_rl.rewards.classifier.config import ClassifierRewardConfig
from serl_rl.rewards.classifier.detector import Detector, Watch, check_cameras, share_backbones
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.stages import Stage, parse_stages
from serl_rl.rewards.classifier.store import SavedClassifier, load_classifier

_UNREPORTED_THRESHOLD = 0.75
"""Of classes that a report says nothing about: HIL-SERL's for stages."""


class ClassifierReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Rewards a task of one stage or several, each with its own detector: the episode ends when all were seen.

    It replaces the environment's own reward. `terminated` is set by success, and stays set where the environment says
    so; a timeout stays `truncated`. Rewards of an episode sum to 1 at most: HIL-SERL pays 1 for each stage, which is
    the same but for a factor, and would leave the range of returns that presets give. Infos have "success" (all
    stages), "stages_reached", "<stage>_probability", and as "success_probability" that of the stage that is waited for,
    or was seen last.

    Args:
        env: Environment with the classifiers' cameras.
        stages: Detectors by the names of the stages, in order.
        in_order: Whether a stage counts only after those before it.
        pays: "last" for reward 1 when all were seen, "each" for an equal share the first time that each is seen.

    Raises:
        ClassifierError: There is no stage, or the environment lacks a camera, or has it in another size.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        stages: Mapping[str, Detector],
        *,
        in_order: bool = True,
        pays: Literal["last", "each"] = "last",
    ) -> None:
        super().__init__(env)
        if not stages:
            raise ClassifierError("a classifier's reward needs at least one stage")
        for detector in stages.values():
            check_cameras(env.observation_space, detector.classifier)
        if len(stages) > 1:
            share_backbones(stages.values())
        self._watches = {name: Watch(detector) for name, detector in stages.items()}
        self._in_order = in_order
        self._pays = pays
        self._reached: list[str] = []
        self._awaited = next(iter(stages))

    @property
    def success_thresholds(self) -> dict[str, float]:
        """Returns the probability from which a frame passes, by stage."""
        return {name: watch.detector.threshold for name, watch in self._watches.items()}

    def share_maps(self, memo: FeatureMemo) -> bool:
        """Shares the feature maps of a policy's frozen backbone with stages that have it; returns whether any has."""
        shared = [watch.detector.classifier.share(memo) for watch in self._watches.values()]
        return any(shared)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begins an episode with no stage reached."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._reached = []
        for watch in self._watches.values():
            watch.reset()
        return observation, info | self._facts()

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Takes a step and rewards stages that are reached for the first time."""
        observation, _, terminated, truncated, info = self.env.step(action)
        open_stages = self._open_stages()
        self._awaited = open_stages[0] if open_stages else self._awaited
        seen = [name for name in open_stages if self._watches[name].sees_success(observation, info)]
        self._reached += seen
        info = info | self._facts()
        reward = len(seen) / len(self._watches) if self._pays == "each" else float(info["success"] and bool(seen))
        return observation, reward, bool(terminated) or info["success"], bool(truncated), info

    def _open_stages(self) -> Sequence[str]:
        missing = [name for name in self._watches if name not in self._reached]
        return missing[:1] if self._in_order else missing

    def _facts(self) -> dict[str, Any]:
        probabilities = {f"{name}_probability": watch.probability for name, watch in self._watches.items()}
        return {
            "success": len(self._reached) == len(self._watches),
            "success_probability": self._watches[self._awaited].probability,
            "stages_reached": tuple(self._reached),
            **probabilities,
        }


def with_classifier_reward(env: gymnasium.Env[Any, Any], config: ClassifierRewardConfig) -> gymnasium.Env[Any, Any]:
    """Replaces an environment's reward by saved classifiers, if the settings name any.

    Args:
        env: The environment.
        config: Which classifier, or which stages, and when there is success.

    Returns:
        The environment with the classifiers' reward, or as it was.

    Raises:
        ClassifierError: A classifier is missing or damaged, lacks a stage's class, or looks through cameras that the
            environment lacks.
        ValueError: A condition or a stage cannot be read.
    """
    if config.stages:
        detectors = stage_detectors(config)
        return ClassifierReward(env, detectors, in_order=config.stages_in_order, pays=config.stages_pay)
    if config.path is None:
        return env
    condition = StateCondition.parse(config.condition) if config.condition else None
    saved = load_classifier(config.path)
    detector = Detector(
        classifier=saved.classifier,
        threshold=saved.threshold if config.threshold is None else config.threshold,
        condition=condition,
        consecutive_steps=config.consecutive_steps,
    )
    return ClassifierReward(env, {"success": detector})


def stage_detectors(config: ClassifierRewardConfig) -> dict[str, Detector]:
    """Makes the detectors of the stages in their order; a folder that several stages name is read once.

    Raises:
        ClassifierError: A classifier is missing or damaged, or lacks a stage's class.
        ValueError: A stage cannot be read.
    """
    loaded: dict[Path, SavedClassifier] = {}
    detectors: dict[str, Detector] = {}
    for stage in parse_stages(config.stages):
        path = stage.path or config.path
        assert path is not None  # The configuration refuses a stage without a classifier.
        if path not in loaded:
            loaded[path] = load_classifier(path)
        saved = loaded[path]
        name = _class_of(stage, saved, path)
        threshold = stage.threshold or config.threshold
        if threshold is None:
            is_reported = name == saved.classifier.spec.success_class
            threshold = saved.threshold if is_reported else _UNREPORTED_THRESHOLD
        detectors[stage.name] = Detector(
            classifier=saved.classifier,
            threshold=threshold,
            condition=stage.condition,
            consecutive_steps=stage.consecutive_steps or config.consecutive_steps,
            class_name=name,
        )
    return detectors


def _class_of(stage: Stage, saved: SavedClassifier, path: Path) -> str:
    spec = saved.classifier.spec
    if stage.class_name is None and len(spec.classes) == 2:
        return spec.success_class
    name = stage.class_name or stage.name
    if name not in spec.classes:
        raise ClassifierError(
            f"stage {stage.name!r} looks for class {name!r}, which the classifier {path} does not have; it has "
            f"{', '.join(spec.classes)}: name one with class=, or train a classifier with that class"
        )
    return name
