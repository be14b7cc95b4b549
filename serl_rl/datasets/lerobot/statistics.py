"""Computes the statistics of a data set: of numbers over all of them, of pictures over some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
_IMAGES_AN_EPISODE = 20
_PIXEL_STRIDE = 4


class StatisticsCollector:
    """Collects a data set's numbers, and samples of its pictures. Needs 8 bytes a number, no pictures."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[NDArray[Any]]] = {}
        self._pixels: dict[str, list[NDArray[np.uint8]]] = {}

    def add(self, feature: str, array: NDArray[Any]) -> dict[str, list[Any]]:
        """Adds an episode's rows of a column, and returns its own statistics.

        Args:
            feature: Name of the column.
            array: Shape (N, ...).
        """
        rows = array.reshape(len(array), -1) if array.ndim == 1 else array
        self._numbers.setdefault(feature, []).append(rows)
        return of_numbers(rows)

    def add_images(self, feature: str, images: NDArray[np.uint8]) -> dict[str, list[Any]]:
        """Adds an episode's pictures, and returns their statistics.

        Args:
            feature: Name of the column.
            images: Shape (N, height, width, 3).
        """
        step = max(1, len(images) // _IMAGES_AN_EPISODE)
        pixels = images[::step, ::_PIXEL_STRIDE, ::_PIXEL_STRIDE].reshape(-1, 3)
        self._pixels.setdefault(feature, []).append(pixels)
        return _of_pixels([pixels], len(images[::step]))

    def of_all(self) -> dict[str, dict[str, list[Any]]]:
        """Returns the statistics of all episodes, by column."""
        numbers = {name: of_numbers(np.concatenate(parts)) for name, parts in self._numbers.items()}
        pictures = {name: _of_pixels(parts, len(parts) * _IMAGES_AN_EPISODE) for name, parts in self._pixels.items()}
        return numbers | pictures


def of_numbers(rows: NDArray[Any]) -> dict[str, list[Any]]:
    """Computes LeRobot's statistics of rows; values that are no numbers do not count.

    Args:
        rows: Shape (N, ...).
    """
    values = rows.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, np.where(finite.any(axis=0), _mean(values, finite), 0.0))
    return _named(values, len(rows), lambda one: one.tolist())


def _mean(values: NDArray[Any], finite: NDArray[np.bool_]) -> NDArray[Any]:
    counts = np.maximum(finite.sum(axis=0), 1)
    return np.where(finite, values, 0.0).sum(axis=0) / counts


def _of_pixels(parts: Sequence[NDArray[np.uint8]], images: int) -> dict[str, list[Any]]:
    values = np.concatenate(parts).astype(np.float64) / 255.0
    return _named(values, images, lambda one: np.reshape(one, (3, 1, 1)).tolist())


def _named(values: NDArray[Any], count: int, to_list: Any) -> dict[str, list[Any]]:  # noqa: ANN401 - a function.
    quantiles = np.quantile(values, _QUANTILES, axis=0)
    named: Mapping[str, NDArray[Any]] = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        **{f"q{round(100 * share):02d}": one for share, one in zip(_QUANTILES, quantiles, strict=True)},
    }
    return {name: to_list(value) for name, value in named.items()} | {"count": [count]}
