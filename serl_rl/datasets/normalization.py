"""Computes the statistics of states and actions, and scales them by these; all that a checkpoint must remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from serl_rl.errors import DatasetError

Scaling = Literal["mean-std", "zero-one", "minus-one-one", "none"]
"""Mean 0 and standard deviation 1; smallest 0 and largest 1, as variational encoders like it; smallest -1 and largest
1, as diffusion does; or as it is."""

STD_FLOOR = 1e-2
"""Smallest standard deviation that is divided by, as ACT has it: what hardly moves stays small."""
_RANGE_FLOOR = 1e-3
_FIELDS = ("mean", "std", "minimum", "maximum")

Numbers = TypeVar("Numbers", NDArray[Any], Tensor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """Describes the values of D axes; arrays of shape (D,), float64."""

    mean: NDArray[np.float64]
    """Mean of each axis."""
    std: NDArray[np.float64]
    """Standard deviation of each axis, without a floor."""
    minimum: NDArray[np.float64]
    """Smallest value of each axis."""
    maximum: NDArray[np.float64]
    """Largest value of each axis."""

    @classmethod
    def of(cls, parts: Sequence[NDArray[Any]], name: str) -> Statistics:
        """Computes the statistics of the rows of all parts, each of shape (N, D).

        Args:
            parts: Such as one an episode, of any lengths.
            name: What they are, for errors.

        Raises:
            DatasetError: There is no row, or a value is NaN or infinite.
        """
        rows = np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 0))
        if not len(rows):
            raise DatasetError(f"there is no {name} to compute statistics of; give episodes with at least one step")
        broken = np.argwhere(~np.isfinite(rows))
        if len(broken):
            row, axis = (int(index) for index in broken[0])
            raise DatasetError(
                f"axis {axis} of {name} is {rows[row, axis]} in row {row}, so that there are no statistics; leave that "
                "episode out"
            )
        return cls(mean=rows.mean(axis=0), std=rows.std(axis=0), minimum=rows.min(axis=0), maximum=rows.max(axis=0))

    @classmethod
    def unit(cls, size: int) -> Statistics:
        """Returns those that leave values of that many axes as they are, whatever they are scaled to from [-1, 1]."""
        zeros, ones = np.zeros(size), np.ones(size)
        return cls(mean=zeros, std=ones, minimum=-ones, maximum=ones)

    def as_dict(self) -> dict[str, list[float]]:
        """Returns JSON values, for a checkpoint."""
        return {name: getattr(self, name).tolist() for name in _FIELDS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> Statistics:
        """Reads what `as_dict` returned.

        Raises:
            DatasetError: Something is missing, of unequal length, or no number.
        """
        try:
            arrays = {name: np.array(values[name], np.float64) for name in _FIELDS}
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"these are no statistics ({type(error).__name__}: {error}); train anew") from None
        if len({array.shape for array in arrays.values()}) > 1 or not all(
            np.isfinite(a).all() for a in arrays.values()
        ):
            raise DatasetError("these statistics have unequal lengths or values that are no numbers; train anew")
        return cls(**arrays)


class Scaler:
    """Scales arrays or tensors whose last axis is D, and scales them back.

    Args:
        statistics: Of what is scaled.
        scaling: To which range.
        std_floor: Smallest standard deviation that is divided by.
    """

    def __init__(self, statistics: Statistics, scaling: Scaling, std_floor: float = STD_FLOOR) -> None:
        middle = (statistics.maximum + statistics.minimum) / 2
        # An axis that never moves lies in the middle, whatever it is, rather than at an end.
        half = np.maximum((statistics.maximum - statistics.minimum) / 2, _RANGE_FLOOR)
        offset, scale, shift = {
            "mean-std": (statistics.mean, np.maximum(statistics.std, std_floor), 0.0),
            "zero-one": (middle, 2 * half, 0.5),
            "minus-one-one": (middle, half, 0.0),
            "none": (np.zeros_like(middle), np.ones_like(middle), 0.0),
        }[scaling]
        self._offset, self._scale, self._shift = offset.astype(np.float32), scale.astype(np.float32), shift

    def scale(self, values: Numbers) -> Numbers:
        """Scales values of shape (..., D)."""
        if isinstance(values, Tensor):
            return (values - self._tensor(self._offset, values)) / self._tensor(self._scale, values) + self._shift
        return (values - self._offset) / self._scale + self._shift

    def unscale(self, values: Numbers) -> Numbers:
        """Scales values of shape (..., D) back."""
        if isinstance(values, Tensor):
            return (values - self._shift) * self._tensor(self._scale, values) + self._tensor(self._offset, values)
        return (values - self._shift) * self._scale + self._offset

    @staticmethod
    def _tensor(array: NDArray[np.float32], like: Tensor) -> Tensor:
        return torch.from_numpy(array).to(like.device)
