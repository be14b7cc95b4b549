"""Draws a view of learners again and again on a terminal; where there is none, prints its lines."""

from __future__ import annotations

import contextlib
import math
import sys
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from serl_api.progress import Phase, Progress
from serl_rl.monitoring.metrics import MetricsRow

LINE_PERIOD_S = 5.0
"""Time between two lines of figures where there is no terminal, s."""
_NOTES = 4


class LiveView(ABC):
    """Shows figures, evaluations, phases and notes; a context manager."""

    def __init__(self, title: str, stream: TextIO = sys.stderr, *, evaluations: int) -> None:
        self._title = title
        self._console = Console(file=stream)
        self.progress = Progress(stream, own_view=True)
        """Phases other than training, which rows describe."""
        self._evaluations: deque[str] = deque(maxlen=evaluations)
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._rows: dict[str, MetricsRow] = {}
        self._success: defaultdict[str, list[float]] = defaultdict(list)
        self._next_line_s: defaultdict[str, float] = defaultdict(float)
        self._live = Live(console=self._console, refresh_per_second=4, transient=False, get_renderable=self._render)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.refresh()
        self._live.stop()

    def refresh(self) -> None:
        """Draws the view now; it is drawn four times a second anyway."""
        if self._live.is_started:
            self._live.refresh()

    def phase(self, name: str, total: float | None = None) -> contextlib.AbstractContextManager[Phase]:
        """Shows that something else than training is being done, for the duration of a block."""
        return self.progress.phase(name, total)

    def note(self, text: str) -> None:
        """Says something in one line, such as what is being done."""
        self._notes.append(text)
        self._print(text)

    def _add(self, name: str, row: MetricsRow, text: str, rest: str = "") -> None:
        """Takes up a learner's newest row; prints an evaluation at once, other figures now and then.

        Args:
            name: Of the learner.
            row: Its metrics.
            text: What is said of them.
            rest: What is said besides where it is no evaluation.
        """
        self._rows[name] = row
        if not math.isnan(row.success):
            self._success[name].append(row.success)
        if row.evaluation_episodes:
            self._evaluations.append(text)
            self._print(text)
        elif row.wall_time_s >= self._next_line_s[name]:
            self._next_line_s[name] = row.wall_time_s + LINE_PERIOD_S
            self._print(text + rest)

    @abstractmethod
    def _figures(self) -> list[RenderableType]:
        """Returns what stands between the present phase and the evaluations."""

    @abstractmethod
    def _doing(self) -> str:
        """Says what is being done while no phase does, for the heading."""

    def _print(self, text: str) -> None:
        """Prints a line where there is no view that would show it."""
        if not self._console.is_terminal:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        present = self.progress.current
        parts: list[RenderableType] = [] if present is None else [Text(str(present), style="bold")]
        parts += self._figures()
        parts += [Text(text, style="cyan") for text in self._evaluations]
        parts += [Text(note, style="dim") for note in self._notes]
        title = self._doing() if present is None else present.name
        return Panel(Group(*parts), title=f"{self._title} · {title}", title_align="left")
