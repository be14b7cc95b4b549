"""A view that is redrawn on a terminal; where there is none, its lines are printed."""

from __future__ import annotations

import contextlib
import sys
from abc import ABC, abstractmethod
from collections import deque
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from serl_api.progress import Phase, Progress

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

    @abstractmethod
    def _figures(self) -> list[RenderableType]:
        """What stands between the present phase and the evaluations."""

    @abstractmethod
    def _doing(self) -> str:
        """What is being done while no phase says so, for the heading."""

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
