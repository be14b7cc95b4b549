"""Shows the live progress of a task pair: one view, or plain log lines where there is no terminal."""

from __future__ import annotations

import contextlib
import math
import sys
from collections import deque
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from serl_api.progress import Phase, Progress
from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.dashboard import line, sparkline
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction

_LINE_PERIOD_S = 5.0
_NOTES = 4
_EVALUATIONS = 3


class PairDashboard:
    """Shows rows of metrics of both learners, live on a terminal, else a line now and then; a context manager."""

    def __init__(self, title: str, stream: TextIO = sys.stderr) -> None:
        self._title = title
        self._console = Console(file=stream)
        self._progress = Progress(stream, own_view=True)
        self._rows: dict[Direction, MetricsRow] = {}
        self._success: dict[Direction, list[float]] = {direction: [] for direction in DIRECTIONS}
        self._evaluations: deque[str] = deque(maxlen=_EVALUATIONS)
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._next_line_s: dict[Direction, float] = dict.fromkeys(DIRECTIONS, 0.0)
        self._live = Live(console=self._console, refresh_per_second=4, transient=False, get_renderable=self._render)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._console.is_terminal:
            self._live.refresh()
            self._live.stop()

    def phase(self, name: str, total: float | None = None) -> contextlib.AbstractContextManager[Phase]:
        """Shows that something else than training is being done, for the duration of a block."""
        return self._progress.phase(name, total)

    def note(self, text: str) -> None:
        """Says something in one line, such as what is being done."""
        self._notes.append(text)
        self._print(text)

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
            self._next_line_s[direction] = row.wall_time_s + _LINE_PERIOD_S
            self._print(text)

    def _print(self, text: str) -> None:
        """Prints a line where there is no view that would show it."""
        if not self._console.is_terminal:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        present = self._progress.current
        parts: list[RenderableType] = [] if present is None else [Text(str(present), style="bold")]
        for direction in DIRECTIONS:
            if direction in self._rows:
                parts.append(Text(f"{direction:8}  {line(self._rows[direction])}"))
                parts.append(Text(f"{'success':8}  {sparkline(self._success[direction])}", style="green"))
        parts += [Text(text, style="cyan") for text in self._evaluations]
        parts += [Text(note, style="dim") for note in self._notes]
        return Panel(
            Group(*parts),
            title=f"{self._title} · {'training' if present is None else present.name}",
            title_align="left",
        )
