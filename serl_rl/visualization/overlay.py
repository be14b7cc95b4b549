"""Draws frames of a video: camera images, and under them actions, values and rewards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pictures

from serl_rl.visualization.canvas import (
    BACKGROUND,
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    RED,
    TEXT,
    VIOLET,
    Box,
    Canvas,
    Curve,
    common_bounds,
)
from serl_rl.visualization.labels import Labels
from serl_rl.visualization.step_record import Image, StepRecord
from serl_rl.visualization.video import annotate

_CAMERA_PX = 384
_SMALLEST_WIDTH = 640
_TITLE = 24
_STATUS = 38
_PLOT = 78
_BAR = 24
_MARGIN = 10
_GAP = 4


def draw_frame(episode: Sequence[StepRecord], index: int, labels: Labels) -> Image:
    """Draws one step of an episode, with its history.

    Returns:
        RGB with even sides, of one size for all instants.
    """
    pictures = _pictures(episode[index])
    panel = _panel(episode, index, labels, width=pictures.shape[1])
    return np.concatenate([pictures, panel])


def plain_frame(record: StepRecord) -> Image:
    """Draws the images of a step alone, with one line below them. RGB with even sides."""
    words = f"episode {record.episode}  step {record.step:2d}" + ("  success" if record.success else "")
    return annotate(_pictures(record), words, success=bool(record.success))


def side_by_side(record: StepRecord) -> list[tuple[str, Image]]:
    """Returns the images of a step by name: the policy's cameras, or the scene where it has none."""
    if record.cameras:
        return list(record.cameras.items())
    return [] if record.scene is None else [("", record.scene)]


def _pictures(record: StepRecord) -> Image:
    """Puts the pictures in a row, enlarged, each under its name."""
    shown = [(name, _enlarged(image)) for name, image in side_by_side(record)]
    top = _TITLE if any(name for name, _ in shown) else 0
    gaps = _GAP * max(len(shown) - 1, 0)
    taken = sum(image.shape[1] for _, image in shown) + gaps
    width, height = max(taken, _SMALLEST_WIDTH), top + max((image.shape[0] for _, image in shown), default=0)
    width, height = width + width % 2, height + height % 2
    frame = np.full((height, width, 3), BACKGROUND, np.uint8)
    names = Canvas(width, _TITLE)
    left = (width - taken) // 2
    for name, image in shown:
        names.text(left + image.shape[1] / 2, _TITLE / 2, name, FAINT, anchor="mm")
        frame[top : top + image.shape[0], left : left + image.shape[1]] = image
        left += image.shape[1] + _GAP
    if top:
        frame[:top] = names.image()
    return frame


def _enlarged(image: Image) -> Image:
    """Enlarges a small image by a whole factor: what the policy sees, not what it might have seen."""
    factor = max(1, _CAMERA_PX // max(image.shape[0], 1))
    if factor == 1:
        return image
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return np.asarray(Pictures.fromarray(image).resize(size, Pictures.Resampling.NEAREST), np.uint8)


def _panel(episode: Sequence[StepRecord], index: int, labels: Labels, width: int) -> Image:
    plots = _plots(episode, index, labels)
    has_gripper = any(record.gripper_width is not None for record in episode)
    rows = len(labels.action) + int(has_gripper)
    body = max(len(plots) * (_PLOT + _TITLE), _TITLE + rows * _BAR)
    canvas = Canvas(width, (_STATUS + body + _MARGIN) // 2 * 2)
    _draw_status(canvas, episode, index, width)
    middle = round(width * 0.56)
    for number, plot in enumerate(plots):
        top = _STATUS + number * (_PLOT + _TITLE)
        _draw_plot(canvas, plot, episode, index, (_MARGIN, top, middle - _MARGIN, top + _PLOT + _TITLE))
    _draw_action(canvas, episode, index, labels, (middle + _MARGIN, _STATUS, width - _MARGIN))
    return canvas.image()


def _draw_status(canvas: Canvas, episode: Sequence[StepRecord], index: int, width: int) -> None:
    now, middle = episode[index], _STATUS / 2
    words = f"episode {now.episode}    step {now.step} / {episode[-1].step}    {now.time_s:.1f} s"
    canvas.text(_MARGIN, middle, words)
    right = float(width - _MARGIN)
    if now.success is not None:
        end = "task" if now.is_terminated else "time limit"
        colour = GREEN if now.success else RED
        right = canvas.badge(right, middle, "SUCCESS" if now.success else "FAILURE", colour) - 10
        canvas.text(right, middle, f"ended by the {end}", FAINT, anchor="rm")
    elif now.is_intervention:
        canvas.badge(right, middle, "INTERVENTION", ORANGE)


@dataclass(frozen=True)
class _Plot:
    """Holds what is plotted of a whole episode under a title of one step."""

    title: str
    curves: Sequence[Curve]
    bounds: tuple[float, float]
    threshold: float | None = None


def _plots(episode: Sequence[StepRecord], index: int, labels: Labels) -> list[_Plot]:
    """Returns what there is to be plotted of an episode."""
    plots: list[_Plot] = []
    if any(record.values is not None for record in episode):
        plots.append(_values_plot(episode, index))
    for name in episode[0].probabilities:
        if name in labels.thresholds or not labels.thresholds:  # A staged reward's "success" repeats one of its stages.
            plots.append(_probability_plot(episode, index, name, labels.thresholds.get(name)))
    now, rewards = episode[index], [record.reward for record in episode]
    title = f"reward   {now.reward:.3g}   sum {now.total_reward:.3g}"
    return [*plots, _Plot(title, [Curve(values=rewards, colour=ORANGE)], common_bounds(rewards))]


def _values_plot(episode: Sequence[StepRecord], index: int) -> _Plot:
    means = [math.nan if record.values is None else record.values.mean for record in episode]
    spreads = [0.0 if record.values is None else record.values.spread for record in episode]
    grasps = [
        math.nan if record.values is None or record.values.grasp is None else record.values.grasp for record in episode
    ]
    ends = [mean + sign * spread for mean, spread in zip(means, spreads, strict=True) for sign in (-1, 1)]
    curves = [Curve(values=means, spread=spreads, colour=BLUE)]
    if any(math.isfinite(value) for value in grasps):
        curves.append(Curve(values=grasps, colour=VIOLET))
    title, now = "Q of the action", episode[index].values
    if now is not None:
        title += f"   {now.mean:.3f} ± {now.spread:.3f}"
        title += f"   gripper {now.grasp:.3f}" if now.grasp is not None else ""
    return _Plot(title, curves, common_bounds([*ends, *grasps]))


def _probability_plot(episode: Sequence[StepRecord], index: int, name: str, threshold: float | None) -> _Plot:
    values = [record.probabilities.get(name, math.nan) for record in episode]
    title = f"P({name})   {values[index]:.3f}" + (f"   threshold {threshold:.3g}" if threshold is not None else "")
    passes = threshold is not None and values[index] >= threshold
    return _Plot(title, [Curve(values=values, colour=GREEN if passes else VIOLET)], common_bounds([]), threshold)


def _draw_plot(canvas: Canvas, plot: _Plot, episode: Sequence[StepRecord], index: int, box: Box) -> None:
    left, top, right, bottom = box
    canvas.text(left, top + _TITLE / 2, plot.title)
    shown = slice(index + 1)
    curves = [replace(curve, values=curve.values[shown], spread=curve.spread[shown]) for curve in plot.curves]
    canvas.plot(
        (left, top + _TITLE, right, bottom),
        curves,
        steps=len(episode),
        bounds=plot.bounds,
        marks=[record.is_intervention for record in episode[shown]],
        threshold=plot.threshold,
    )


def _draw_action(
    canvas: Canvas, episode: Sequence[StepRecord], index: int, labels: Labels, place: tuple[int, int, int]
) -> None:
    left, top, right = place
    now = episode[index]
    canvas.text(left, top + _TITLE / 2, "action" if now.action is not None else "action   (none, the episode is over)")
    bars = left + 66, right - 62
    for row, name in enumerate(labels.action):
        y = top + _TITLE + row * _BAR
        canvas.text(left, y + _BAR / 2, name, TEXT if now.action is not None else FAINT)
        value = 0.0 if now.action is None else float(now.action[row])
        canvas.bar((bars[0], y + 2, bars[1], y + _BAR - 2), value, ORANGE if now.is_intervention else BLUE)
        if now.action is not None:
            canvas.text(right, y + _BAR / 2, f"{value:+.2f}", anchor="rm")
    widest = max((record.gripper_width for record in episode if record.gripper_width is not None), default=0.0)
    if now.gripper_width is not None:
        y = top + _TITLE + len(labels.action) * _BAR
        canvas.text(left, y + _BAR / 2, "width")
        canvas.bar((bars[0], y + 2, bars[1], y + _BAR - 2), now.gripper_width, GREEN, low=0.0, high=max(widest, 1e-3))
        canvas.text(right, y + _BAR / 2, f"{1000 * now.gripper_width:.0f} mm", anchor="rm")
