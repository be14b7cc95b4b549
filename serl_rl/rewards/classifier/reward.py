"""Rewards success that a classifier detects."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from serl_rl.models.vision.feature_memo import FeatureMemo
from serl_rl.rewards.classifier.condition import StateCondition
from serl_rl.rewards.classifier.config import ClassifierRewardConfig
from serl_rl.rewards.classifier.detector import Detector, Watch, check_cameras
from serl_rl.rewards.classifier.staged_reward import StagedClassifierReward, stage_detectors
from serl_rl.rewards.classifier.store import load_classifier


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
        self._watch = Watch(detector)

    @property
    def success_thresholds(self) -> dict[str, float]:
        """Returns the threshold of each detector, by name."""
        return {"success": self._watch.detector.threshold}

    def share_maps(self, memo: FeatureMemo) -> bool:
        """Shares the feature maps of a policy's frozen backbone, if it is the classifier's; returns whether."""
        return self._watch.detector.classifier.share(memo)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begins an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._watch.reset()
        return observation, info | {"success": False, "success_probability": 0.0}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Takes a step and rewards a success that the classifier detects."""
        observation, _, terminated, truncated, info = self.env.step(action)
        success = self._watch.sees_success(observation, info)
        info = info | {"success": success, "success_probability": self._watch.probability}
        return observation, float(success), bool(terminated) or success, bool(truncated), info


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
        return StagedClassifierReward(env, detectors, in_order=config.stages_in_order, pays=config.stages_pay)
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
