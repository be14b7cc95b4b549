"""Defines the record of one step: observation, reward, action and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serl_rl.algorithms.algorithm import ActionValues

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class StepRecord:
    """Holds the record of one step. Its arrays are copies that nobody changes."""

    episode: int
    """Number of the episode, from 1."""
    step: int
    """Steps that were taken before it."""
    time_s: float
    """Since the episode's first observation, on the robot's clock."""
    cameras: Mapping[str, Image]
    """What the policy sees, by camera. RGB, shape (H, W, 3)."""
    scene: Image | None = None
    """A view of the scene, RGB; None where no sink wants it."""
    tcp_pose: FloatArray | None = None
    """Position in m and quaternion xyzw in `base`, shape (7,); None where there is no arm."""
    gripper_width: float | None = None
    """m; None without a gripper."""
    objects: Mapping[str, FloatArray] = field(default_factory=dict)
    """Positions of tracked objects in `base`, m, shape (3,)."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """What classifiers make of what is seen, by what they look for; in [0, 1]."""
    reward: float = 0.0
    """What the step that led here paid."""
    total_reward: float = 0.0
    """Sum of rewards so far."""
    action: FloatArray | None = None
    """What is executed here, in [-1, 1], shape (A,); None at the end."""
    values: ActionValues | None = None
    """What critics expect of that action; None at the end, or without critics."""
    is_intervention: bool = False
    """Whether somebody took over from the policy here."""
    success: bool | None = None
    """Whether the task was done; None before the end."""
    is_terminated: bool = False
    """Whether the task ended the episode here; at the end False means that the clock did, or a fault."""

    @property
    def is_last(self) -> bool:
        """Returns whether the episode is over."""
        return self.success is not None


class StepSink(Protocol):
    """Receives step records."""

    needs_scene: bool
    """Whether it wants a view of the scene."""

    def wants(self, episode: int) -> bool:
        """Returns whether it wants an episode's records."""
        ...

    def show(self, record: StepRecord) -> None:
        """Receives the next record."""
        ...
