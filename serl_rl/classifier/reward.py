"""Rewards that come from classifiers: one success, or several stages that each pay once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from serl_rl.classifier.condition import StateCondition
from serl_rl.classifier.config import ClassifierRewardConfig
from serl_rl.classifier.errors import ClassifierError
from serl_rl.classifier.network import RewardClassifier
from serl_rl.classifier.store import load_classifier
from serl_rl.networks.encoders import RememberedMaps

Condition: TypeAlias = Callable[[Mapping[str, np.ndarray], Mapping[str, Any]], bool]
"""Whether a step, given by observation and info, may count as success at all."""


@dataclass(frozen=True, kw_only=True)
class Detector:
    """When a classifier says that something is done."""

    classifier: RewardClassifier
    """The network."""
    threshold: float
    """Probability of its success class from which a frame passes, in (0, 1]."""
    condition: Condition | None = None
    """What a frame must meet besides; None for nothing."""
    consecutive_steps: int = 1
    """Steps in a row that must pass: more than one outlasts a flicker."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}; it must be in (0, 1]")
        if self.consecutive_steps < 1:
            raise ValueError(f"consecutive_steps is {self.consecutive_steps}; it must be at least 1")

    def probability(self, observation: Mapping[str, np.ndarray]) -> float:
        """Probability of the success class for one observation, in [0, 1]."""
        return float(self.classifier.classify(observation)[self.classifier.spec.success_index])


def share_backbones(detectors: Iterable[Detector]) -> None:
    """Lets classifiers with equal frozen backbones compute the maps of an image once for all."""
    shared: list[RememberedMaps] = []
    for detector in detectors:
        classifier = detector.classifier
        if any(classifier.share(remembered) for remembered in shared):
            continue
        backbone = classifier.encoder.backbone(classifier.spec.cameras[0])
        if backbone.is_frozen:
            shared.append(RememberedMaps(backbone))
            classifier.share(shared[-1])


class _Watch:
    """Counts the steps in a row that pass a detector."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.probability = 0.0
        self._run = 0

    def reset(self) -> None:
        self.probability, self._run = 0.0, 0

    def sees_success(self, observation: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> bool:
        detector = self.detector
        self.probability = detector.probability(observation)
        passes = self.probability >= detector.threshold
        if passes and detector.condition is not None:
            passes = detector.condition(observation, info)
        self._run = self._run + 1 if passes else 0
        return self._run >= detector.consecutive_steps


class ClassifierReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Reward 1 and the end of the episode where a classifier sees success; else 0.

    It replaces the environment's own reward. `terminated` is set by success, and stays set where the environment says
    so; a timeout stays `truncated`. Infos have "success" and "success_probability".

    Args:
        env: Environment with the classifier's cameras.
        detector: When there is success.

    Raises:
        ClassifierError: The environment lacks a camera, or has it in another size.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], detector: Detector) -> None:
        super().__init__(env)
        check_cameras(env.observation_space, detector.classifier)
        self._watch = _Watch(detector)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begins an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._watch.reset()
        return observation, info | {"success": False, "success_probability": 0.0}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Takes a step and looks at what came of it."""
        observation, _, terminated, truncated, info = self.env.step(action)
        success = self._watch.sees_success(observation, info)
        info = info | {"success": success, "success_probability": self._watch.probability}
        return observation, float(success), bool(terminated) or success, bool(truncated), info


class StagedClassifierReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Several stages, each with its own classifier: reward 1 for each the first time it is seen, the end after all.

    It replaces the environment's own reward. Infos have "success" (all stages), "stages_reached" and
    "<stage>_probability".

    Args:
        env: Environment with the classifiers' cameras.
        stages: Detectors by the names of the stages, in order.
        in_order: Whether a stage counts only after those before it.

    Raises:
        ClassifierError: There is no stage, or the environment lacks a camera, or has it in another size.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], stages: Mapping[str, Detector], *, in_order: bool = False) -> None:
        super().__init__(env)
        if not stages:
            raise ClassifierError("a staged reward needs at least one stage")
        for detector in stages.values():
            check_cameras(env.observation_space, detector.classifier)
        share_backbones(stages.values())
        self._watches = {name: _Watch(detector) for name, detector in stages.items()}
        self._in_order = in_order
        self._reached: list[str] = []

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
        """Takes a step and pays for each stage that is seen for the first time."""
        observation, _, terminated, truncated, info = self.env.step(action)
        before = len(self._reached)
        for name in self._open_stages():
            if self._watches[name].sees_success(observation, info):
                self._reached.append(name)
        info = info | self._facts()
        reward = float(len(self._reached) - before)
        return observation, reward, bool(terminated) or info["success"], bool(truncated), info

    def _open_stages(self) -> Sequence[str]:
        missing = [name for name in self._watches if name not in self._reached]
        return missing[:1] if self._in_order else missing

    def _facts(self) -> dict[str, Any]:
        probabilities = {f"{name}_probability": watch.probability for name, watch in self._watches.items()}
        success = len(self._reached) == len(self._watches)
        return {"success": success, "stages_reached": tuple(self._reached)} | probabilities


def with_classifier_reward(env: gymnasium.Env[Any, Any], config: ClassifierRewardConfig) -> gymnasium.Env[Any, Any]:
    """Puts a saved classifier in the place of an environment's reward, if the settings name one.

    Args:
        env: The environment.
        config: Which classifier, and when it says success.

    Returns:
        The environment with the classifier's reward, or as it was.

    Raises:
        ClassifierError: The classifier is missing or damaged, or looks through cameras that the environment lacks.
        ValueError: The condition cannot be read.
    """
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
    return ClassifierReward(env, detector)


def check_cameras(space: gymnasium.Space[Any], classifier: RewardClassifier) -> None:
    """Refuses an environment whose images a classifier cannot read.

    Raises:
        ClassifierError: A camera is missing or has another size.
    """
    found = space.spaces if isinstance(space, spaces.Dict) else {}
    for camera, (height, width) in classifier.spec.image_sizes.items():
        if camera not in found:
            names = ", ".join(found) or "nothing by name"
            raise ClassifierError(f"the classifier looks through camera {camera!r}; the observation has {names}")
        shape = tuple(found[camera].shape or ())
        if shape[-3:] != (height, width, 3):
            raise ClassifierError(
                f"the classifier learned from {height} x {width} px of camera {camera!r}; the observation has {shape}"
            )
