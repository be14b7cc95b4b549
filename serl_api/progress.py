"""Says which phase a command is in, for how long, how far it is and how long it will take: no phase is silent.

A terminal gets one line that lives; into a pipe go lines, none for a phase of less than 5 s and then one every few
seconds.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

QUIET_S = 5.0
"""Age at which a phase speaks, into a pipe, and the shortest time between two of its lines."""
ENDED = "ended after"
"""Words by which the last line of a phase is known."""
_PATIENCE = 0.1
"""Share of a phase's age that passes between two lines at least: who waited for minutes need not read every 5 s."""
_LONGEST_SILENCE_S = 60.0
"""And at most."""

Clock = Callable[[], float]


def duration(seconds: float) -> str:
    """Writes seconds as people say them: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


class Phase:
    """Describes one part of a command: name, age and, where it is known, a count of a total.

    Args:
        name: What is being done, such as "compiling the update".
        total: How much there is to do; None where nobody knows.
        clock: Seconds, monotonic.
    """

    def __init__(self, name: str, total: float | None, clock: Clock) -> None:
        self.name = name
        self.total = total
        self.done = 0.0
        self.note: str | Callable[[], str] = ""
        self._clock = clock
        self._start_s = clock()

    @property
    def elapsed_s(self) -> float:
        """Returns its age, s."""
        return self._clock() - self._start_s

    @property
    def remaining_s(self) -> float | None:
        """Returns the time that is left at the mean speed so far, s; None while that cannot be said."""
        if not self.total or self.done <= 0:
            return None
        return self.elapsed_s * max(self.total - self.done, 0.0) / self.done

    def report(self, done: float | None = None, note: str | Callable[[], str] | None = None) -> None:
        """Says how far it is; safe from any thread.

        Args:
            done: Of the total; None leaves it.
            note: What else is worth knowing, such as "success 97 %", or what says so when it is asked; None leaves it.
        """
        if done is not None:
            self.done = done
        if note is not None:
            self.note = note

    def __str__(self) -> str:
        """Writes it such as "evaluating: 37 of 100, success 97 %, 12 s, about 20 s left"."""
        parts = [] if self.total is None else [f"{self.done:g} of {self.total:g}"]
        remaining_s = self.remaining_s
        note = self.note() if callable(self.note) else self.note
        parts += [note] if note else []
        parts += [duration(self.elapsed_s)]
        parts += [] if remaining_s is None else [f"about {duration(remaining_s)} left"]
        return f"{self.name}: {', '.join(parts)}"


class Progress:
    """Shows the phases of one command.

    Args:
        stream: Where to; None is the standard error.
        clock: Seconds, monotonic.
        say: Writes a line in place of the stream, such as a logger's method.
        own_view: Whether somebody else draws `current` on a terminal, so that nothing must be drawn here.
        tick_s: How often a thread looks whether a line is due, s; None starts none, and `tick` is called by hand.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        clock: Clock = time.monotonic,
        say: Callable[[str], None] | None = None,
        own_view: bool = False,
        tick_s: float | None = 0.5,
    ) -> None:
        self.current: Phase | None = None
        """The phase that is under way."""
        self._stream = stream
        self._clock = clock
        self._say = say
        self._own_view = own_view
        self._tick_s = tick_s
        self._due_s = 0.0
        self._has_spoken = False

    @contextlib.contextmanager
    def phase(self, name: str, total: float | None = None) -> Iterator[Phase]:
        """Shows a phase for the duration of a block. A phase within it takes its place, and then gives it back."""
        outer, phase = self.current, Phase(name, total, self._clock)
        outer_due_s, outer_spoken = self._due_s, self._has_spoken
        self.current, self._due_s, self._has_spoken = phase, self._clock() + QUIET_S, False
        try:
            with self._showing() if outer is None else contextlib.nullcontext():
                yield phase
        finally:
            if self._has_spoken:
                self._write(f"{name}: {ENDED} {duration(phase.elapsed_s)}")
            self.current, self._due_s, self._has_spoken = outer, outer_due_s, outer_spoken

    def tick(self) -> None:
        """Writes a line if one is due."""
        phase = self.current
        if phase is not None and self._clock() >= self._due_s:
            self._has_spoken = True
            self._due_s = self._clock() + min(max(QUIET_S, _PATIENCE * phase.elapsed_s), _LONGEST_SILENCE_S)
            self._write(str(phase))

    @property
    def is_terminal(self) -> bool:
        """Returns whether a line that lives can be drawn."""
        return self._say is None and self._target.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    @property
    def _target(self) -> TextIO:
        return sys.stderr if self._stream is None else self._stream

    def _showing(self) -> contextlib.AbstractContextManager[None]:
        if self.is_terminal:
            return contextlib.nullcontext() if self._own_view else _live_line(self, self._target)
        return contextlib.nullcontext() if self._tick_s is None else _ticking(self.tick, self._tick_s)

    def _write(self, text: str) -> None:
        if self._say is not None:
            self._say(text)
        elif not self.is_terminal:
            self._target.write(text + "\n")
            self._target.flush()


@contextlib.contextmanager
def _ticking(tick: Callable[[], None], period_s: float) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(period_s):
            tick()

    thread = threading.Thread(target=run, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _live_line(progress: Progress, stream: TextIO) -> Iterator[None]:
    """Draws the present phase with a spinner; what is written meanwhile comes out above it."""
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    spinner = Spinner("dots")

    def draw() -> Spinner:
        spinner.update(text=Text(str(progress.current or "")))
        return spinner

    console = Console(file=stream)
    # What goes to a terminal as well must come out above; what goes to a file or a pipe must go on doing so.
    redirects = sys.stdout.isatty()
    with Live(get_renderable=draw, console=console, refresh_per_second=4, transient=True, redirect_stdout=redirects):
        yield
