"""Detects success by a classifier: threshold, condition, steps in a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from serl_rl.models.vision.feature_memo import FeatureMemo
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import RewardClassifier

Condition: TypeAlias = Callable[[Mapping[str, np.ndarray], Mapping[str, Any]], bool]
"""Whether a step, given by observation and info, may count as success at all."""


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Detects success by a classifier."""

    classifier: RewardClassifier
    """The network."""
    threshold: float
    """Probability of the class from which a frame passes, in (0, 1]."""
    condition: Condition | None = None
    """What a frame must meet besides; None for nothing."""
    consecutive_steps: int = 1
    """Steps in a row that must pass: more than one outlasts a flicker."""
    class_name: str | None = None
    """Class to look for; None for the one that means success."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}; it must be in (0, 1]")
        if self.consecutive_steps < 1:
            raise ValueError(f"consecutive_steps is {self.consecutive_steps}; it must be at least 1")
        classes = self.classifier.spec.classes
        if self.class_name is not None and self.class_name not in classes:
            raise ClassifierError(f"the classifier has no class {self.class_name!r}; it has {', '.join(classes)}")

    def probability(self, observation: Mapping[str, np.ndarray]) -> float:
        """Computes the probability of the class for one observation, in [0, 1]."""
        spec = self.classifier.spec
        index = spec.success_index if self.class_name is None else spec.classes.index(self.class_name)
        return float(self.classifier.classify(observation)[index])


def share_backbones(detectors: Iterable[Detector]) -> None:
    """Lets classifiers with equal frozen backbones compute the maps of an image once for all."""
    shared: list[FeatureMemo] = []
    for detector in detectors:
        classifier = detector.classifier
        if any(classifier.share(memo) for memo in shared):
            continue
        backbone = classifier.encoder.backbone(classifier.spec.cameras[0])
        if backbone.is_frozen:
            shared.append(FeatureMemo(backbone))
            classifier.share(shared[-1])


class Watch:
    """Counts the steps in a row that pass a detector."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.probability = 0.0
        """Probability of the class at the last look, in [0, 1]."""
        self._run = 0

    def reset(self) -> None:
        """Begins an episode."""
        self.probability, self._run = 0.0, 0

    def sees_success(self, observation: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> bool:
        """Returns whether this step completes enough steps in a row."""
        detector = self.detector
        self.probability = detector.probability(observation)
        passes = self.probability >= detector.threshold
        if passes and detector.condition is not None:
            passes = detector.condition(observation, info)
        self._run = self._run + 1 if passes else 0
        return self._run >= detector.consecutive_steps


def check_cameras(space: gymnasium.Space[Any], classifier: RewardClassifier) -> None:
    """Checks that a classifier can read an environment's images.

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
