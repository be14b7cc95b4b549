"""Serves from the first call to the last: until a signal, then lets the arm come to rest."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from robot_daemon.api.server import DaemonServer
from robot_daemon.operations.notify import Notifier
from serl_api.lifetime.ready_file import announced
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.server import ServeError

logger = logging.getLogger(__name__)


def serve_until_signal(
    server: DaemonServer,
    *,
    ready_file: Path | None = None,
    notifier: Notifier | None = None,
    stop: StopSignal | None = None,
    others: Sequence[str] = (),
) -> None:
    """Serves until SIGINT or SIGTERM, then holds the arm, drains, waits until it rests and closes the devices.

    A terminal that is closed (SIGHUP) counts as the first signal, unless it is ignored, as under `nohup`. A second
    signal waits for nothing on the way; a third ends the process at once, as does a device that hangs (with exit code
    1, `DaemonServer.stop_limit_s` after the first signal). Must be called by the main thread.

    Args:
        server: Not yet started.
        ready_file: Gets the bound address, atomically, once calls are answered; removed at the end.
        notifier: Is told when calls are answered, and when the daemon begins to stop.
        stop: Already installed, where signals were awaited before; None installs one.
        others: Addresses of further arms that this process serves, for the file.

    Raises:
        ServeError: The address is in use or cannot be bound.
    """
    notifier = notifier or Notifier()
    with StopSignal() if stop is None else contextlib.nullcontext(stop) as stop:
        address = server.start()
        stop.on_hurry(server.hurry)
        with announced(ready_file, ",".join((address, *others))):
            notifier.ready(f"idle, listening on {address}")
            stop.wait()
            notifier.stopping()
            logger.info("stopping; the arm holds")
            _stop_within_limit(server)


def _stop_within_limit(server: DaemonServer) -> None:
    """Stops in a thread, so that a device that hangs cannot keep the process."""
    stopping = threading.Thread(target=server.stop, name="stop")
    stopping.start()
    stopping.join(server.stop_limit_s)
    if stopping.is_alive():
        sys.stderr.write(f"a device did not close within {server.stop_limit_s:g} s; leaving without it\n")
        sys.stderr.flush()
        os._exit(1)
    if not server.wait(0.0):
        raise ServeError("the daemon could not be stopped in order; the traceback is above")
