"""From the first call to the last: serves until a signal, then lets the arm come to rest."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from robot_daemon.api.server import DaemonServer
from robot_daemon.operations.notify import Notifier
from serl_api.server import ServeError

logger = logging.getLogger(__name__)


def serve_until_signal(
    server: DaemonServer, *, ready_file: Path | None = None, notifier: Notifier | None = None
) -> None:
    """Serves until SIGINT or SIGTERM, then holds the arm, drains, waits until it rests and closes the devices.

    A terminal that is closed (SIGHUP) counts as the first signal, unless it is ignored, as under `nohup`. A second
    signal waits for nothing on the way; a third ends the process at once, as does a device that hangs (with exit code
    1, `DaemonServer.stop_limit_s` after the first signal). Must be called by the main thread.

    Args:
        server: Not yet started.
        ready_file: Gets the bound address, atomically, once calls are answered; removed at the end.
        notifier: Is told when calls are answered, and when the daemon begins to stop.

    Raises:
        ServeError: The address is in use or cannot be bound.
    """
    notifier = notifier or Notifier()
    asked, hurried = threading.Event(), threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and asked.is_set():
            return  # The shell and the kernel may both send one.
        if hurried.is_set():
            os._exit(128 + number)
        (hurried if asked.is_set() else asked).set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    former = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        address = server.start()
        if ready_file is not None:
            _write_atomically(ready_file, address)
        notifier.ready(f"idle, listening on {address}")
        asked.wait()
        notifier.stopping()
        logger.info("stopping; the arm holds")
        _stop_within_limit(server, hurried)
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        for number, handler in former.items():
            signal.signal(number, handler)


def _stop_within_limit(server: DaemonServer, hurried: threading.Event) -> None:
    """Stops in a thread, so that a second signal can hurry it and a device that hangs cannot keep the process."""
    stopping = threading.Thread(target=server.stop, name="stop")
    stopping.start()
    deadline = time.monotonic() + server.stop_limit_s
    is_hurried = False
    while stopping.is_alive():
        if hurried.is_set() and not is_hurried:
            is_hurried = True
            server.hurry()
        stopping.join(0.05)
        if time.monotonic() > deadline:
            sys.stderr.write(f"a device did not close within {server.stop_limit_s:g} s; leaving without it\n")
            sys.stderr.flush()
            os._exit(1)
    if not server.wait(0.0):
        raise ServeError("the daemon could not be stopped in order; the traceback is above")


def _write_atomically(path: Path, text: str) -> None:
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_text(f"{text}\n", encoding="utf-8")
    scratch.replace(path)
