"""Shows live progress: one terminal view, or plain log lines where the output is not a terminal."""

from __future__ import annotations

import math
import sys
from typing import TextIO

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.progress import duration
from serl_rl.config.train import TrainConfig
from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.live_view import LiveView

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 48


def sparkline(values: list[float], width: int = _SPARK_WIDTH) -> str:
    """Draws rates in [0, 1], oldest first, as a row of bars, one a value, of which the newest `width` are drawn."""
    top = len(_BARS) - 1
    return "".join(_BARS[round(min(max(value, 0.0), 1.0) * top)] for value in values[-width:])


class Dashboard(LiveView):
    """Shows rows of metrics as they come, live on a terminal, else a line now and then."""

    def __init__(self, title: str, config: TrainConfig, stream: TextIO = sys.stderr) -> None:
        self._config = config
        self._activity = ""
        self._phase = "starting"
        super().__init__(title, stream, evaluations=5)  # Last: the view draws itself at once.

    def show_activity(self, text: str) -> None:
        """Shows what the actor does beside acting, such as its evaluation; empty for nothing."""
        if text and text != self._activity:
            self._print(text)
        self._activity = text

    def show(self, row: MetricsRow, phase: pb.Phase | None = None) -> None:
        """Shows a row."""
        if phase is not None:
            self._phase = pb.Phase.Name(phase).removeprefix("PHASE_").replace("_", " ").lower()
        self._add("", row, line(row), self._remaining(row))

    def _remaining(self, row: MetricsRow) -> str:
        """Says how long the steps that are allowed will take; training ends earlier once it reaches its target."""
        missing = self._config.learner.max_env_steps - row.env_steps
        if not (row.env_steps_per_s > 0 and missing > 0):
            return ""
        return f"  at most {duration(missing / row.env_steps_per_s)} left"

    def _doing(self) -> str:
        return self._activity.partition(":")[0] or self._phase

    def _figures(self) -> list[RenderableType]:
        parts: list[RenderableType] = [Text(self._activity)] if self._activity else []
        for name, row in self._rows.items():
            parts += [self._table(row), Text(f"success  {sparkline(self._success[name])}", style="green")]
        return parts

    def _table(self, row: MetricsRow) -> Table:
        table = Table.grid(padding=(0, 3))
        limit = self._config.learner.max_env_steps
        cells = (
            ("time", f"{row.wall_time_s:.0f} s{self._remaining(row)}"),
            ("env steps", f"{row.env_steps} / {limit}"),
            ("critic updates", str(row.critic_updates)),
            ("success", _percent(row.success)),
            ("return", _figure(row.episode_return)),
            ("intervention", _percent(row.intervention_ratio)),
            ("steps/s", _figure(row.env_steps_per_s, 1)),
            ("updates/s", _figure(row.critic_updates_per_s, 1)),
            ("updates per step", _figure(row.update_to_data_ratio)),
            ("lag", f"{_figure(row.lag_steps, 0)} steps"),
            ("staleness", f"{_figure(row.staleness_updates, 0)} updates"),
            ("actors", str(row.live_actors)),
            ("Q", _figure(row.q_mean)),
            ("entropy", _figure(row.entropy)),
            ("temperature", _figure(row.temperature, 4)),
        )
        for start in range(0, len(cells), 3):
            table.add_row(
                *(Text.assemble((f"{name} ", "dim"), (value, "bold")) for name, value in cells[start : start + 3])
            )
        return table


def line(row: MetricsRow) -> str:
    """Describes a row in one line of a log."""
    if row.evaluation_episodes:
        success = f"{_percent(row.evaluation_success)} of {row.evaluation_episodes} episodes"
        return f"evaluation at {row.env_steps} steps, {row.wall_time_s:.0f} s: {success}"
    ratio = row.intervention_ratio
    intervention = f"intervention {_percent(ratio):>4}  " if ratio > 0 else ""  # Nothing where nobody took over.
    return (
        f"{row.wall_time_s:6.0f} s  steps {row.env_steps:6d}  updates {row.critic_updates:7d}  "
        f"success {_percent(row.success):>5}  return {_figure(row.episode_return)}  {intervention}"
        f"{_figure(row.env_steps_per_s, 1)} steps/s  {_figure(row.critic_updates_per_s, 1)} updates/s  "
        f"ratio {_figure(row.update_to_data_ratio)}  lag {_figure(row.lag_steps, 0)}  "
        f"staleness {_figure(row.staleness_updates, 0)}  Q {_figure(row.q_mean)}"
    )


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"


def _figure(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
