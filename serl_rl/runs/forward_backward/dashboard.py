"""Live progress of a pair: the success of both tasks in one view, or plain log lines where there is no terminal."""

from __future__ import annotations

import math
import sys
from collections import deque
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.dashboard import line, sparkline
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction

_LINE_PERIOD_S = 5.0
_NOTES = 4
_EVALUATIONS = 3


class PairDashboard:
    """Shows rows of metrics of both learners as they come; a context manager.

    Args:
        title: Heading.
        stream: Where to draw; a terminal gets the live view, anything else a line now and then.
    """

    def __init__(self, title: str, stream: TextIO = sys.stderr) -> None:
        self._title = title
        self._console = Console(file=stream)
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)
        self._rows: dict[Direction, MetricsRow] = {}
        self._success: dict[Direction, list[float]] = {direction: [] for direction in DIRECTIONS}
        self._evaluations: deque[str] = deque(maxlen=_EVALUATIONS)
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._next_line_s: dict[Direction, float] = dict.fromkeys(DIRECTIONS, 0.0)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.update(self._render(), refresh=True)
            self._live.stop()

    def note(self, text: str) -> None:
        """Says something in one line, such as what is being done."""
        self._notes.append(text)
        self._show_or_print(text)

    def show(self, direction: Direction, row: MetricsRow) -> None:
        """Shows the newest metrics of one direction."""
        self._rows[direction] = row
        if not math.isnan(row.success):
            self._success[direction].append(row.success)
        text = f"{direction:8}  {line(row)}"
        if row.evaluation_episodes:
            self._evaluations.append(text)
            self._show_or_print(text)
        elif self._console.is_terminal:
            self._live.update(self._render())
        elif row.wall_time_s >= self._next_line_s[direction]:
            self._next_line_s[direction] = row.wall_time_s + _LINE_PERIOD_S
            self._show_or_print(text)

    def _show_or_print(self, text: str) -> None:
        if self._console.is_terminal:
            self._live.update(self._render())
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = []
        for direction in DIRECTIONS:
            if direction in self._rows:
                parts.append(Text(f"{direction:8}  {line(self._rows[direction])}"))
                parts.append(Text(f"{'success':8}  {sparkline(self._success[direction])}", style="green"))
        parts += [Text(text, style="cyan") for text in self._evaluations]
        parts += [Text(note, style="dim") for note in self._notes]
        return Panel(Group(*parts), title=self._title, title_align="left")
