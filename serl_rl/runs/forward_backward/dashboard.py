"""Shows the live progress of a task pair: one view, or plain log lines where there is no terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.dashboard import line, sparkline
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction
from serl_rl.runs.live_view import LiveView


class PairDashboard(LiveView):
    """Shows rows of metrics of both learners, live on a terminal, else a line now and then."""

    def __init__(self, title: str, stream: TextIO = sys.stderr) -> None:
        super().__init__(title, stream, evaluations=3)

    def show(self, direction: Direction, row: MetricsRow) -> None:
        """Shows the newest metrics of one direction."""
        self._add(direction, row, f"{direction:8}  {line(row)}")

    def _doing(self) -> str:
        return "training"

    def _figures(self) -> list[RenderableType]:
        parts: list[RenderableType] = []
        for direction in DIRECTIONS:
            if direction in self._rows:
                parts.append(Text(f"{direction:8}  {line(self._rows[direction])}"))
                parts.append(Text(f"{'success':8}  {sparkline(self._success[direction])}", style="green"))
        return parts
