"""Shows the live progress of a task pair: one view, or plain log lines where there is no terminal."""

from __future__ import annotations

import math
import sys
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.dashboard import line, sparkline
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction
from serl_rl.runs.live_view import LINE_PERIOD_S, LiveView


class PairDashboard(LiveView):
    """Shows rows of metrics of both learners, live on a terminal, else a line now and then."""

    def __init__(self, title: str, stream: TextIO = sys.stderr) -> None:
        self._rows: dict[Direction, MetricsRow] = {}
        self._success: dict[Direction, list[float]] = {direction: [] for direction in DIRECTIONS}
        self._next_line_s: dict[Direction, float] = dict.fromkeys(DIRECTIONS, 0.0)
        super().__init__(title, stream, evaluations=3)  # Last: the view draws itself at once.

    def show(self, direction: Direction, row: MetricsRow) -> None:
        """Shows the newest metrics of one direction."""
        self._rows[direction] = row
        if not math.isnan(row.success):
            self._success[direction].append(row.success)
        text = f"{direction:8}  {line(row)}"
        if row.evaluation_episodes:
            self._evaluations.append(text)
            self._print(text)
        elif row.wall_time_s >= self._next_line_s[direction]:
            self._next_line_s[direction] = row.wall_time_s + LINE_PERIOD_S
            self._print(text)

    def _doing(self) -> str:
        return "training"

    def _figures(self) -> list[RenderableType]:
        parts: list[RenderableType] = []
        for direction in DIRECTIONS:
            if direction in self._rows:
                parts.append(Text(f"{direction:8}  {line(self._rows[direction])}"))
                parts.append(Text(f"{'success':8}  {sparkline(self._success[direction])}", style="green"))
        return parts
