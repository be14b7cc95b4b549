"""Draws learning curves: one run in four panels, and several runs together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from serl_rl.monitoring.figures import open_pyplot, save_figure
from serl_rl.monitoring.metrics import MetricsRow, read_metrics

Value = Callable[[MetricsRow], float]

_MINUTE_S = 60.0
_TEXT = {"env_steps": "environment steps", "minutes": "wall time, minutes"}


def plot_run(directory: Path, output: Path, title: str = "") -> None:
    """Draws success and return against steps and time, and what the critic believes."""
    rows = read_metrics(directory)
    pyplot = open_pyplot()
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 7), constrained_layout=True)
    _draw_success(axes[0][0], rows, lambda row: float(row.env_steps), "environment steps")
    _draw_success(axes[0][1], rows, _minutes, "wall time, minutes")
    axes[0][0].legend(loc="lower right", frameon=False)
    _draw(axes[1][0], rows, lambda row: row.q_mean, "mean Q", "tab:purple")
    _draw(axes[1][0], rows, lambda row: row.episode_return, "return", "tab:blue")
    _draw(axes[1][1], rows, lambda row: row.critic_loss, "critic loss", "tab:red")
    _draw(axes[1][1], rows, lambda row: row.temperature, "temperature", "tab:orange")
    axes[1][1].set_yscale("log")
    for axis in axes[1]:
        axis.set_xlabel("environment steps")
        axis.legend(frameon=False)
    if title:
        figure.suptitle(title)
    save_figure(figure, output)


def plot_runs(directories: Sequence[Path], output: Path, title: str = "") -> None:
    """Draws the success of several runs, such as the seeds of one experiment, against steps and against time."""
    plot_groups({directory.name: [directory] for directory in directories}, output, title)


def plot_groups(groups: Mapping[str, Sequence[Path]], output: Path, title: str = "") -> None:
    """Draws the success of variants of an experiment, a colour each, against steps and against time."""
    pyplot = open_pyplot()
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4), constrained_layout=True, sharey=True)
    for index, (name, directories) in enumerate(groups.items()):
        colour = f"C{index % 10}"
        for number, directory in enumerate(directories):
            rows = read_metrics(directory)
            for axis, position in zip(axes, (lambda row: float(row.env_steps), _minutes), strict=True):
                label = name if number == 0 else None
                _line(axis, rows, position, lambda row: row.success, colour, label=label, alpha=0.9)
                _points(axis, rows, position, colour)
    for axis, text in zip(axes, _TEXT.values(), strict=True):
        _dress_success(axis, text)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(groups), frameon=False)
    if title:
        figure.suptitle(title)
    save_figure(figure, output)


def _draw_success(axis: Any, rows: list[MetricsRow], position: Value, text: str) -> None:  # noqa: ANN401
    _line(axis, rows, position, lambda row: row.success, "tab:green", label="training, latest 20 episodes")
    if any(row.intervention_ratio > 0 for row in rows):
        _line(axis, rows, position, lambda row: row.intervention_ratio, "tab:orange", label="share of interventions")
    _points(axis, rows, position, "black", label="evaluation, deterministic")
    _dress_success(axis, text)


def _dress_success(axis: Any, text: str) -> None:  # noqa: ANN401
    axis.set_ylim(-0.03, 1.13)
    axis.set_xlim(left=0)
    axis.set_ylabel("success")
    axis.set_xlabel(text)
    axis.axhline(0.95, color="grey", linewidth=0.8, linestyle=":")
    axis.grid(visible=True, alpha=0.25)


def _draw(axis: Any, rows: list[MetricsRow], value: Value, label: str, colour: str) -> None:  # noqa: ANN401
    _line(axis, rows, lambda row: float(row.env_steps), value, colour, label=label)
    axis.grid(visible=True, alpha=0.25)


def _line(axis: Any, rows: list[MetricsRow], position: Value, value: Value, colour: str, **style: Any) -> None:  # noqa: ANN401
    points = [(position(row), value(row)) for row in rows if not math.isnan(value(row))]
    axis.plot([x for x, _ in points], [y for _, y in points], color=colour, linewidth=1.5, **style)


def _points(axis: Any, rows: list[MetricsRow], position: Value, colour: str, **style: Any) -> None:  # noqa: ANN401
    evaluations = [row for row in rows if row.evaluation_episodes]
    values = [row.evaluation_success for row in evaluations]
    axis.plot([position(row) for row in evaluations], values, "o", color=colour, markersize=4, **style)


def _minutes(row: MetricsRow) -> float:
    return row.wall_time_s / _MINUTE_S
