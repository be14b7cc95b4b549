"""Reads a person's keys in the background, without waiting.

The terminal tells only that a key was pressed, and again and again while it is held; the desktop tells both ends.
"""

from __future__ import annotations

import atexit
import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable
from typing import Any

from serl_api.errors.robot import DeviceUnavailableError

_HOLD_S = 0.15
LOST_RELEASE_S = 1.0
"""After so long without a repeat a key of the desktop counts as let go: its release went to another window. The first
repeat comes after 0.25 to 0.66 s."""
_LONGEST_KEY = 8
_ESCAPE = b"\x1b"
_SEQUENCES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
    b"\x1b[5~": "page_up",
    b"\x1b[6~": "page_down",
    b"\x1b[3~": "delete",
}
_SINGLES = {b"\r": "enter", b"\n": "enter", b" ": "space", b"\t": "tab", b"\x7f": "backspace", b"\x08": "backspace"}


class PressedKeys:
    """Tracks which keys are down, and which were pressed and not yet taken, without waiting. Safe from any thread.

    Names are lower-case characters, or words such as "space". Without a reader that presses them, these are the keys
    that nobody presses.

    Args:
        hold_s: Time for which a key counts as held after each press or repeat; None for ever.
        clock: Seconds, monotonic.
        tells_releases: Whether releases are told, so that another press of a held key is a repeat.
    """

    def __init__(
        self, hold_s: float | None, clock: Callable[[], float] = time.monotonic, *, tells_releases: bool = False
    ) -> None:
        self._hold_s = hold_s
        self._tells_releases = tells_releases
        self._clock = clock
        self._lock = threading.Lock()
        self._pressed_at: dict[str, float] = {}
        self._waiting: set[str] = set()

    @property
    def held(self) -> frozenset[str]:
        """Returns the keys that are down."""
        with self._lock:
            self._forget_old()
            return frozenset(self._pressed_at)

    def press(self, key: str) -> None:
        """Notes that a key went down, or is still."""
        with self._lock:
            self._forget_old()
            is_repeat = self._tells_releases and key in self._pressed_at
            self._pressed_at[key] = self._clock()
            if not is_repeat:
                self._waiting.add(key)

    def release(self, key: str) -> None:
        """Notes that a key went up."""
        with self._lock:
            self._pressed_at.pop(key, None)

    def take(self, key: str) -> bool:
        """Returns whether a key was pressed since it was taken last."""
        with self._lock:
            is_waiting = key in self._waiting
            self._waiting.discard(key)
            return is_waiting

    def close(self) -> None:
        """Stops listening, where somebody listens. Safe to repeat."""

    def _forget_old(self) -> None:
        if self._hold_s is not None:
            now = self._clock()
            self._pressed_at = {key: at for key, at in self._pressed_at.items() if now - at <= self._hold_s}


def split_keys(data: bytes) -> tuple[list[str], bytes]:
    """Splits what a terminal sent into names of keys, without unknown sequences, and bytes that may begin another."""
    keys: list[str] = []
    while data:
        key, length = _first_key(data)
        if length == 0:
            break
        if key:
            keys.append(key)
        data = data[length:]
    return keys, data


def standard_terminal() -> int | None:
    """Returns the descriptor of standard input if that is a terminal, else None."""
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, ValueError):  # Closed, or no file at all, as in a notebook.
        return None
    return descriptor if os.isatty(descriptor) else None


class TerminalKeys(PressedKeys):
    """Reads the keys of this process's terminal, also over SSH. A key counts as held shortly after each repeat.

    The terminal gets its settings back on `close`, and when the process ends.

    Args:
        descriptor: Of the terminal; None for standard input.
        hold_s: Time for which a key counts as held after each press or repeat, s.
        clock: Seconds, monotonic.

    Raises:
        DeviceUnavailableError: It is no terminal.
    """

    def __init__(
        self, descriptor: int | None = None, *, hold_s: float = _HOLD_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        found = standard_terminal() if descriptor is None else descriptor
        if found is None or not os.isatty(found):
            raise DeviceUnavailableError(
                "keys are read from a terminal, and standard input is none; start it in a terminal, not in a pipe"
            )
        super().__init__(hold_s, clock)
        self._descriptor = found
        self._settings: list[Any] | None = termios.tcgetattr(self._descriptor)
        self._wake_read, self._wake_write = os.pipe()
        tty.setcbreak(self._descriptor)  # No echo and no line buffer; Ctrl-C still interrupts.
        atexit.register(self._restore)
        self._thread = threading.Thread(target=self._run, name="reader of keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening and gives the terminal its settings back. Safe to repeat."""
        if self._settings is None:
            return
        os.write(self._wake_write, b"\0")
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._restore()
        atexit.unregister(self._restore)

    def _restore(self) -> None:
        settings, self._settings = self._settings, None
        if settings is not None:
            # What was typed too late is no command of the shell.
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, settings)

    def _run(self) -> None:
        rest = b""
        while True:
            # The start of a sequence that nothing follows was the escape key itself.
            timeout_s = 0.05 if rest else None
            ready, _, _ = select.select([self._descriptor, self._wake_read], [], [], timeout_s)
            if self._wake_read in ready:
                return
            if not ready:
                self.press("escape")
                rest = b""
                continue
            try:
                data = os.read(self._descriptor, 1024)
            except OSError:  # The terminal was closed under us.
                return
            if not data:
                return
            keys, rest = split_keys(rest + data)
            for key in keys:
                self.press(key)


class DesktopKeys(PressedKeys):
    """Reads the keys of the desktop, whichever window has the focus, with true releases. Needs X or macOS.

    A release that is not told, because a window that this process may not listen to got it, is made up for after
    `LOST_RELEASE_S`.

    Args:
        listen: Starts a listener, given what to call with the name of a key on press and on release, and returns
            something with `stop`. None listens with pynput.
        clock: Seconds, monotonic.

    Raises:
        DeviceUnavailableError: There is no desktop, it is one of Wayland, or pynput is not installed.
    """

    def __init__(
        self,
        listen: Callable[[Callable[[str], None], Callable[[str], None]], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(LOST_RELEASE_S, clock, tells_releases=True)
        self._listener = (listen or _listen_with_pynput)(self.press, self.release)

    def close(self) -> None:
        """Stops listening. Safe to repeat."""
        self._listener.stop()


def _first_key(data: bytes) -> tuple[str, int]:
    """Finds name and length of the first key; "" for something to drop, length 0 when more bytes are needed."""
    first = data[:1]
    if first == _ESCAPE:
        return _escape_key(data)
    if first in _SINGLES:
        return _SINGLES[first], 1
    if first[0] < 0x20:
        return "", 1
    length = 1 if first[0] < 0x80 else 4 if first[0] >= 0xF0 else 3 if first[0] >= 0xE0 else 2
    if len(data) < length:
        return "", 0
    return data[:length].decode(errors="ignore").lower(), length


def _escape_key(data: bytes) -> tuple[str, int]:
    for sequence, key in _SEQUENCES.items():
        if data.startswith(sequence):
            return key, len(sequence)
    if any(sequence.startswith(data) for sequence in _SEQUENCES):
        return "", 0
    if data[1:2] != b"[":
        return "escape", 1
    # A sequence of another key: everything up to its final byte.
    for index, byte in enumerate(data[2:_LONGEST_KEY], start=2):
        if 0x40 <= byte <= 0x7E:
            return "", index + 1
    return "", min(len(data), _LONGEST_KEY) if len(data) >= _LONGEST_KEY else 0


def _refuse_wayland() -> None:
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise DeviceUnavailableError(
            "a Wayland desktop tells programs no keys of other windows, releases neither; use the terminal's: "
            "--keys terminal, or log in to an X session"
        )


def _listen_with_pynput(on_press: Callable[[str], None], on_release: Callable[[str], None]) -> Any:  # noqa: ANN401
    _refuse_wayland()
    try:
        from pynput import keyboard
    except ImportError as error:  # Also raised where there is no display.
        raise DeviceUnavailableError(
            f"the desktop's keyboard cannot be read ({str(error).strip().splitlines()[0]}); "
            "use the terminal's, which works over SSH too: --keys terminal"
        ) from None

    def named(key: Any) -> str:  # noqa: ANN401 - pynput's keys have no common type.
        text = getattr(key, "char", None) or getattr(key, "name", None) or ""
        return text.lower()

    listener = keyboard.Listener(
        on_press=lambda key: on_press(named(key)), on_release=lambda key: on_release(named(key))
    )
    listener.start()
    return listener
