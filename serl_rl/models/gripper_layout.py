"""Maps gripper components of an action to discrete choices and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

CHOICES = 3
"""Close (-1), keep (0), open (1)."""


@dataclass(frozen=True)
class GripperLayout:
    """Locates the grippers in an action: the last component, or with two arms the last of each half.

    Args:
        action_size: Components of an action.
        grippers: Grippers that choose: 0, 1 or 2.

    Raises:
        ValueError: The action has no room for the grippers, or two arms differ in size.
    """

    action_size: int
    grippers: int

    def __post_init__(self) -> None:
        if self.grippers == 2 and self.action_size % 2:
            raise ValueError(f"an action of {self.action_size} components is not that of two equal arms with grippers")
        if self.arm_size < max(self.grippers, 1):
            raise ValueError(f"an action of {self.action_size} components has no arm beside {self.grippers} grippers")

    @property
    def arm_size(self) -> int:
        """Counts the components that are not a gripper's."""
        return self.action_size - self.grippers

    @property
    def choice_count(self) -> int:
        """Counts the joint choices of all grippers: 3, or 9 for two."""
        return CHOICES**self.grippers

    def arm(self, actions: Tensor) -> Tensor:
        """Returns the components that are not a gripper's. Shape (..., A) to (..., arm_size)."""
        if not self.grippers:
            return actions
        import torch

        share = self.action_size // self.grippers
        starts = range(0, self.action_size, share)
        return torch.cat([actions[..., start : start + share - 1] for start in starts], dim=-1)

    def choices(self, actions: Tensor) -> Tensor:
        """Returns the joint choice of executed actions: g + 1, or 3 (g1 + 1) + (g2 + 1), each g rounded to -1, 0 or 1.

        A person's button may have been recorded as 0.9 to 1: cutting the fraction off would turn it into 0.

        Args:
            actions: Shape (..., A), with at least one gripper.

        Returns:
            int64 of shape (...).
        """
        share = self.action_size // self.grippers
        single = [
            actions[..., end - 1].round().clamp(-1, 1).long() + 1 for end in range(share, self.action_size + 1, share)
        ]
        return single[0] if len(single) == 1 else CHOICES * single[0] + single[1]

    def compose(self, arm: np.ndarray, choice: int) -> np.ndarray:
        """Puts an action together; the inverse of `arm` and `choices`.

        Args:
            arm: The components that are not a gripper's. Shape (arm_size,), float32.
            choice: Joint choice.

        Returns:
            Shape (A,), float32.
        """
        if not self.grippers:
            return arm
        values = [choice - 1] if self.grippers == 1 else [choice // CHOICES - 1, choice % CHOICES - 1]
        halves = np.split(arm, self.grippers)
        return np.concatenate([np.append(half, np.float32(value)) for half, value in zip(halves, values, strict=True)])
