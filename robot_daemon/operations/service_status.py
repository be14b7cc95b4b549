"""Reports to the service manager that the sampling loop lives, and in one line what the daemon does."""

import time
from collections.abc import Callable

from robot_daemon.control.events import Event, EventListener
from robot_daemon.operations.notify import Notifier

FEEDS_PER_TIMEOUT = 4
"""How often the watchdog is fed within its timeout."""


class ServiceStatus(EventListener):
    """Feeds the watchdog from the sampling thread, and from nowhere else.

    A sampling loop that hangs or ended, or a command that never returns, therefore ends in a restart of the daemon.
    """

    def __init__(self, notifier: Notifier, now_s: Callable[[], float] = time.monotonic) -> None:
        self._notifier = notifier
        self._now_s = now_s
        self._interval_s = notifier.watchdog_s / FEEDS_PER_TIMEOUT
        self._fed_s = -float("inf")
        self._holder = ""
        self._faults: list[str] = []
        self._stopped_by = ""

    def beat(self) -> None:
        """Feeds the watchdog when it is time."""
        now = self._now_s()
        if self._interval_s > 0.0 and now - self._fed_s >= self._interval_s:
            self._fed_s = now
            self._notifier.alive()

    def on_event(self, event: Event) -> None:
        """Reports who controls the arm, or what prevents it."""
        before = self.text
        fields = event.fields
        match event.name:
            case "session_opened":
                self._holder = str(fields["client"])
            case "session_closed":
                self._holder = ""
            case "stop_latched":
                self._stopped_by = str(fields["client"])
            case "stop_cleared":
                self._stopped_by = ""
            case "fault_raised" | "camera_lost":
                self._faults.append(str(fields["fault"]))
            case "fault_cleared" | "camera_returned":
                self._faults = [fault for fault in self._faults if fault != fields["fault"]]
        if self.text != before:
            self._notifier.status(self.text)

    def close(self) -> None:
        """Reports nothing from now on."""
        self._notifier.close()

    @property
    def text(self) -> str:
        """Returns one line for `systemctl status`."""
        words = f'controlled by "{self._holder}"' if self._holder else "idle"
        if self._stopped_by:
            words = f'stopped by "{self._stopped_by}"'
        if self._faults:
            words += f"; faults: {', '.join(self._faults)}"
        return words
