"""Connects to the devices of a cell; while one cannot be reached, calls are answered and it is tried again."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from robot_daemon.api.waiting_service import MissingDevices, WaitingServer
from robot_daemon.config.cell_builder import CellBuilder
from robot_daemon.config.cell_config import DaemonConfig, ServerConfig
from robot_daemon.control.mode import Stopped
from robot_daemon.hardware.devices import Cell, DeviceConnectError
from robot_daemon.operations.notify import Notifier
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Phase, Progress

logger = logging.getLogger(__name__)

RETRY_S = 2.0
"""Time between two attempts, s."""
ATTEMPT_LIMIT_S = 60.0
"""Age of an attempt at which a driver counts as hanging, s: the service manager's watchdog is fed no longer."""
_FEED_S = 1.0
_CONNECTING = "connecting to the devices"


@dataclass(frozen=True, kw_only=True)
class Connected:
    """Holds a cell whose devices all answer."""

    cell: Cell
    """Its devices."""
    server: ServerConfig
    """Where it is to be served: clients that waited know the address already."""
    stopped: Stopped | None = None
    """Who latched `Stop` while devices were missing."""


def connect(
    config: DaemonConfig, stop: StopSignal, notifier: Notifier, *, waits: bool = True, retry_s: float = RETRY_S
) -> Connected | None:
    """Connects to every device of a cell, and waits for those that cannot be reached.

    Meanwhile the cell's address is served: the state says what is missing, health that nothing is served, and a `Stop`
    is kept.

    Args:
        config: The cell's file.
        stop: Ends the waiting.
        notifier: Is told what is waited for.
        waits: Whether to wait at all.
        retry_s: Time between two attempts, s.

    Returns:
        The cell; None where it was stopped first.

    Raises:
        ConfigError: The file asks for what does not exist, or for an address that is not safe.
        DeviceConnectError: A device cannot be reached, and nobody wants to wait.
        ServeError: The address is in use.
    """
    builder = CellBuilder(config)
    try:
        notifier.status(_CONNECTING)
        with Progress(say=logger.info).phase(_CONNECTING) as phase:
            missing = _attempt(builder, phase, notifier)
        if missing and not waits:
            raise DeviceConnectError("; ".join(missing.values()))
        if stop.is_set():
            return None
        if not missing:
            return Connected(cell=builder.cell(), server=config.server)
        return _wait(config, builder, missing, stop, notifier, retry_s)
    finally:
        builder.close()


def _wait(
    config: DaemonConfig,
    builder: CellBuilder,
    missing: dict[str, str],
    stop: StopSignal,
    notifier: Notifier,
    retry_s: float,
) -> Connected | None:
    devices = MissingDevices(config.name)
    devices.update(missing)
    server = WaitingServer(config.server, devices)
    address = server.start()
    try:
        notifier.ready(devices.text)
        logger.warning("%s; tried again every %g s, and Ctrl-C ends it", devices.text, retry_s)
        with Progress(say=logger.info).phase("waiting for devices") as phase:
            while missing:
                if _is_stopped_within(retry_s, stop, notifier):
                    return None
                missing = _attempt(builder, phase, notifier)
                if devices.update(missing) and missing:
                    notifier.status(devices.text)
                    logger.warning("%s", devices.text)
    finally:
        server.stop()
    logger.info("every device is there")
    return Connected(cell=builder.cell(), server=replace(config.server, address=address), stopped=devices.stopped)


def _attempt(builder: CellBuilder, phase: Phase, notifier: Notifier) -> dict[str, str]:
    """Tries what is missing in a thread, so that the watchdog can be fed while a driver waits for its device."""
    with ThreadPoolExecutor(1, thread_name_prefix="connect") as pool:
        attempt = pool.submit(builder.connect, _told(phase))
        _feed_until_done(attempt, notifier)
        return attempt.result()


def _told(phase: Phase) -> Callable[[str], None]:
    return lambda where: phase.report(note=f"now {where}")


def _feed_until_done(attempt: Future[dict[str, str]], notifier: Notifier) -> None:
    for _ in range(round(ATTEMPT_LIMIT_S / _FEED_S)):
        notifier.alive()
        if wait((attempt,), _FEED_S).done:
            return


def _is_stopped_within(seconds: float, stop: StopSignal, notifier: Notifier) -> bool:
    remaining = seconds
    while remaining > 0.0:
        notifier.alive()
        if stop.wait(min(remaining, _FEED_S)):
            return True
        remaining -= _FEED_S
    return stop.is_set()
