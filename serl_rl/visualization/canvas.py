"""Draws plots and bars in a dark style with Pillow, anti-aliased by drawing them at twice their size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from serl_rl.visualization.step_record import Image

Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom, px."""

BACKGROUND: Colour = (22, 23, 28)
PLOT: Colour = (33, 35, 42)
GRID: Colour = (62, 65, 75)
TEXT: Colour = (226, 228, 233)
FAINT: Colour = (150, 154, 165)
BLUE: Colour = (98, 168, 255)
ORANGE: Colour = (255, 176, 84)
VIOLET: Colour = (192, 148, 255)
GREEN: Colour = (96, 208, 128)
RED: Colour = (255, 104, 98)

_SCALE = 2
_SMALL, _NORMAL = 13, 15


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Holds values over steps."""

    values: Sequence[float]
    """One a step; NaN leaves a gap."""
    colour: Colour
    """Of the line."""
    spread: Sequence[float] = ()
    """Half the height of the band around it, one a step; empty for none."""


class Canvas:
    """Draws a picture at twice its size. Coordinates are those of the picture that comes out."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._picture = Pictures.new("RGB", (width * _SCALE, height * _SCALE), BACKGROUND)
        self._draw = ImageDraw.Draw(self._picture)

    def image(self) -> Image:
        """Returns what was drawn, RGB, shape (height, width, 3)."""
        return np.asarray(self._picture.resize(self._size, Pictures.Resampling.BOX), np.uint8)

    def text(
        self, x: float, y: float, words: str, colour: Colour = TEXT, *, anchor: str = "lm", small: bool = False
    ) -> None:
        """Writes a line; `anchor` is Pillow's: "lm" has x at its left and y in its middle."""
        font = _font((_SMALL if small else _NORMAL) * _SCALE)
        self._draw.text((x * _SCALE, y * _SCALE), words, fill=colour, font=font, anchor=anchor)

    def text_width(self, words: str) -> float:
        """Measures the width of a line of normal size, px."""
        return self._draw.textlength(words, font=_font(_NORMAL * _SCALE)) / _SCALE

    def box(self, box: Sequence[float], colour: Colour, *, radius: float = 0) -> None:
        """Fills a rectangle."""
        left, top, right, bottom = _scaled(box)
        if right > left and bottom > top:
            self._draw.rounded_rectangle((left, top, right - 1, bottom - 1), radius * _SCALE, fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 1.0) -> None:
        """Draws a line through points."""
        flat = [(x * _SCALE, y * _SCALE) for x, y in points]
        if len(flat) > 1:
            self._draw.line(flat, fill=colour, width=round(width * _SCALE), joint="curve")

    def dot(self, x: float, y: float, colour: Colour, radius: float = 3.5) -> None:
        """Draws a disc."""
        self._draw.ellipse(_scaled((x - radius, y - radius, x + radius, y + radius)), fill=colour)

    def badge(self, right: float, middle: float, words: str, colour: Colour) -> float:
        """Writes dark words on a coloured tag; returns where it begins, px."""
        left = right - self.text_width(words) - 18
        self.box((left, middle - 12, right, middle + 12), colour, radius=5)
        self.text(left + 9, middle, words, BACKGROUND)
        return left

    def plot(
        self,
        box: Box,
        curves: Sequence[Curve],
        *,
        steps: int,
        bounds: tuple[float, float],
        marks: Sequence[bool] = (),
        threshold: float | None = None,
    ) -> None:
        """Draws values over steps.

        Args:
            box: Where.
            curves: What; the newest value gets a dot.
            steps: Steps that fit into the box.
            bounds: Values at its bottom and top.
            marks: One a step: those that are shaded.
            threshold: A value that is dashed across.
        """
        left, top, right, bottom = box
        self.box(box, PLOT, radius=3)
        low, high = bounds
        width = right - left - 44

        def x(step: float) -> float:
            return left + 38 + width * step / max(steps - 1, 1)

        def y(value: float) -> float:
            share = (value - low) / (high - low)
            return bottom - 7 - (bottom - top - 14) * min(max(share, 0.0), 1.0)

        for index, is_marked in enumerate(marks):
            if is_marked:
                self.box((x(index - 0.5), top, min(x(index + 0.5), right), bottom), (70, 58, 36))
        for value in _ticks(low, high):
            self.line([(left + 38, y(value)), (right - 6, y(value))], GRID, 0.5)
            self.text(left + 33, y(value), f"{value:g}", FAINT, anchor="rm", small=True)
        if threshold is not None:
            self._dashed(left + 38, right - 6, y(threshold), ORANGE)
        for curve in curves:
            self._band(curve, x, y)
            for run in _runs(curve.values):
                self.line([(x(index), y(curve.values[index])) for index in run], curve.colour, 2.0)
                if run[-1] == len(curve.values) - 1 or len(run) == 1:
                    self.dot(x(run[-1]), y(curve.values[run[-1]]), curve.colour)

    def bar(self, box: Box, value: float, colour: Colour, *, low: float = -1.0, high: float = 1.0) -> None:
        """Draws a value as a bar that grows from zero, or from `low` where zero is below it."""
        left, top, right, bottom = box
        self.box(box, PLOT, radius=3)
        origin = min(max(0.0, low), high)

        def x(number: float) -> float:
            return left + (right - left) * (min(max(number, low), high) - low) / (high - low)

        first, last = sorted((x(origin), x(value)))
        self.box((first, top + 3, max(last, first + 1.5), bottom - 3), colour)
        if low < origin < high:
            self.line([(x(origin), top), (x(origin), bottom)], FAINT)

    def _band(self, curve: Curve, x: Any, y: Any) -> None:  # noqa: ANN401 - functions of a number.
        if not len(curve.spread):
            return
        shade: Colour = tuple(round(0.3 * one + 0.7 * dark) for one, dark in zip(curve.colour, PLOT, strict=True))  # type: ignore[assignment]
        for run in _runs(curve.values):
            upper = [(x(index), y(curve.values[index] + curve.spread[index])) for index in run]
            lower = [(x(index), y(curve.values[index] - curve.spread[index])) for index in run]
            outline = [(a * _SCALE, b * _SCALE) for a, b in upper + lower[::-1]]
            if len(run) > 1:
                self._draw.polygon(outline, fill=shade)

    def _dashed(self, left: float, right: float, y: float, colour: Colour) -> None:
        position = left
        while position < right:
            self.line([(position, y), (min(position + 6, right), y)], colour)
            position += 11


def common_bounds(values: Sequence[float], least: tuple[float, float] = (0.0, 1.0)) -> tuple[float, float]:
    """Finds bounds that hold all values, and `least`, with a little room."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min([*known, least[0]]), max([*known, least[1]])
    room = 0.04 * (high - low)
    return low - room, high + room


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Lists the indices of neighbours that are numbers."""
    runs: list[list[int]] = [[]]
    for index, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append(index)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _ticks(low: float, high: float) -> list[float]:
    """Finds two to four round numbers within bounds."""
    rough = (high - low) / 2.5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= rough), 10 * power)
    first = math.ceil(low / step)
    return [round(index * step, 10) + 0.0 for index in range(first, math.floor(high / step) + 1)]


def _scaled(box: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (value * _SCALE for value in box)
    return left, top, right, bottom


@lru_cache(maxsize=8)
def _font(size: int) -> Any:  # noqa: ANN401 - one of two kinds of Pillow's, by how it was built.
    return ImageFont.load_default(size)
