"""Keeps the last seconds of states and commands, and writes them to a file at each fault and `Stop`."""

import contextlib
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from robot_daemon.config.cell_config import BlackBoxConfig
from robot_daemon.control.events import Command, Event, EventListener
from robot_daemon.hardware.devices import ArmSample, DeviceFault, GripperSample
from robot_daemon.operations.event_log import log_event
from robot_daemon.operations.recording import (
    FORMAT,
    MOTIONS,
    SUFFIX,
    TARGET_KINDS,
    UNITS,
    VERSION,
    Recording,
    Sample,
    event_document,
    pack_commands,
    pack_samples,
    write_recording,
)
from serl_api.settings import ConfigError

T = TypeVar("T")

logger = logging.getLogger(__name__)

TRIGGERS = frozenset({"fault_raised", "camera_lost", "stop_latched"})
"""Events that a recording is written for."""

TAIL_S = 0.5
"""How long a recording goes on after its trigger, s."""

REPEAT_S = 60.0
"""A warning that comes again within this time gets no recording of its own, s."""

COMMANDS_PER_S = 500
"""Commands kept for each second; more come only from a client at the shortest period."""

EVENTS = 1000
"""Events kept, of any age within the recording."""


def default_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Returns where recordings go when the cell's file does not say: the service's state directory, or the user's."""
    environment = os.environ if environment is None else environment
    service = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if service:
        return Path(service) / "black-box"
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "serl-robot" / "black-box"


@dataclass(kw_only=True)
class _Pending:
    """Holds a recording that is not written yet."""

    path: Path
    due_s: float
    triggers: list[Event] = field(default_factory=list)


class BlackBox(EventListener):
    """Writes recordings in a thread of its own. An event costs the calling thread an append.

    Args:
        config: How much to keep, and where.
        sample_rate_hz: Rate at which states come.
        facts: Facts of the cell for the header, such as its name; JSON values.
        now_s: Monotonic clock, s, for the tail and for repeated warnings.

    Raises:
        ConfigError: The directory cannot be made or written.
    """

    def __init__(
        self,
        config: BlackBoxConfig,
        sample_rate_hz: float,
        facts: Mapping[str, Any],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = config.directory or default_directory()
        self._seconds = config.seconds
        self._keep = config.keep
        self._facts = dict(facts)
        self._now_s = now_s
        length_s = config.seconds + TAIL_S
        self._samples: deque[Sample] = deque(maxlen=round(length_s * sample_rate_hz) + 2)
        self._commands: deque[Command] = deque(maxlen=round(length_s * COMMANDS_PER_S))
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._wake = threading.Condition()
        self._pending: _Pending | None = None
        self._paths: dict[tuple[str, int], Path] = {}
        self._last_warning_s: dict[str, float] = {}
        self._is_closing = False
        _prepare(self.directory)
        self._writer = threading.Thread(target=self._write_forever, name="black-box", daemon=True)
        self._writer.start()

    def sampled(self, arm: ArmSample, gripper: GripperSample | None) -> None:
        """Keeps a state."""
        self._samples.append((arm, gripper))

    def commanded(self, command: Command) -> None:
        """Keeps a command."""
        self._commands.append(command)

    def on_event(self, event: Event) -> None:
        """Keeps an event; orders a recording when it is a fault or a `Stop`."""
        self._events.append(event)
        if event.name in TRIGGERS and not self._is_repeated(event):
            self._order(event)

    def recording_of(self, fault: DeviceFault) -> str:
        """Returns the file for a fault. It is complete half a second after the onset."""
        with self._wake:
            path = self._paths.get((fault.id, fault.onset_time_ns))
        return "" if path is None else str(path)

    def close(self) -> None:
        """Writes what is ordered, without its tail, and ends the thread."""
        with self._wake:
            self._is_closing = True
            self._wake.notify_all()
        self._writer.join()

    def _is_repeated(self, event: Event) -> bool:
        """Returns whether a warning came again so soon that it would only push older recordings out."""
        if event.fields.get("severity") != "warning":
            return False
        fault, now = str(event.fields["fault"]), self._now_s()
        last = self._last_warning_s.get(fault)
        if last is not None and now - last < REPEAT_S:
            return True
        self._last_warning_s[fault] = now
        return False

    def _order(self, event: Event) -> None:
        with self._wake:
            if self._pending is None:
                self._pending = _Pending(path=self._new_path(event), due_s=self._now_s() + TAIL_S)
                self._wake.notify_all()
            self._pending.triggers.append(event)
            if "fault" in event.fields:
                key = (str(event.fields["fault"]), int(event.fields["onset_time_ns"]))
                self._paths[key] = self._pending.path

    def _new_path(self, event: Event) -> Path:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
        what = re.sub(r"[^A-Za-z0-9_-]+", "-", str(event.fields.get("fault", "stop")))[:60]
        return self.directory / f"{moment}Z-{what}{SUFFIX}"

    def _write_forever(self) -> None:
        with contextlib.suppress(OSError):  # On Linux this is the priority of the one thread.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        while (pending := self._await_due()) is not None:
            try:
                self._write(pending)
            except Exception as error:
                logger.exception("the recording %s was not written", pending.path)
                log_event(logger, "black_box_failed", {"path": str(pending.path), "error": str(error)}, is_warning=True)
                self._forget({pending.path})

    def _await_due(self) -> _Pending | None:
        """Waits until a recording is complete; None when the box is closed and nothing is ordered."""
        with self._wake:
            while True:
                if self._is_closing and self._pending is None:
                    return None
                remaining = None if self._pending is None else self._pending.due_s - self._now_s()
                if self._pending is not None and (self._is_closing or (remaining is not None and remaining <= 0.0)):
                    pending, self._pending = self._pending, None
                    return pending
                self._wake.wait(remaining)

    def _write(self, pending: _Pending) -> None:
        first_ns = pending.triggers[0].time_ns - round(self._seconds * 1e9)
        samples = [sample for sample in _copy(self._samples) if sample[0].time_ns >= first_ns]
        commands = [command for command in _copy(self._commands) if command.time_ns >= first_ns]
        events = [event for event in _copy(self._events) if event.time_ns >= first_ns]
        joints = len(samples[0][0].joint_positions) if samples else 0
        recording = Recording(
            header=self._header(pending, events),
            arrays={**pack_samples(samples), **pack_commands(commands, joints)},
        )
        size = write_recording(pending.path, recording)
        log_event(logger, "black_box_written", {"path": str(pending.path), "samples": len(samples), "bytes": size})
        self._prune()

    def _header(self, pending: _Pending, events: list[Event]) -> dict[str, Any]:
        trigger_ns = pending.triggers[0].time_ns
        moment = datetime.strptime(pending.path.name[:23], "%Y-%m-%dT%H-%M-%S.%f").replace(tzinfo=UTC)
        return {
            "format": FORMAT,
            "version": VERSION,
            "units": UNITS,
            "trigger_time_ns": trigger_ns,
            "trigger_wall_time": moment.isoformat(timespec="milliseconds"),
            "triggers": [event_document(event) for event in pending.triggers],
            "events": [event_document(event) for event in events],
            "command_kinds": TARGET_KINDS,
            "gripper_motions": MOTIONS,
            "facts": self._facts,
        }

    def _prune(self) -> None:
        """Deletes the oldest recordings; their names sort by time."""
        excess = list_recordings(self.directory)[: -self._keep]
        for path in excess:
            path.unlink(missing_ok=True)
        self._forget(set(excess))

    def _forget(self, gone: set[Path]) -> None:
        with self._wake:
            self._paths = {key: path for key, path in self._paths.items() if path not in gone}


def list_recordings(directory: Path) -> list[Path]:
    """Lists the recordings of a directory, oldest first."""
    return sorted(directory.glob(f"20??-??-??T??-??-??.???Z-*{SUFFIX}"))


def _copy(ring: deque[T]) -> list[T]:
    """Copies what a ring holds, while another thread appends to it."""
    while True:
        try:
            return list(ring)
        except RuntimeError:  # It was appended to meanwhile.
            continue


def _prepare(directory: Path) -> None:
    """Makes the directory and removes what a killed daemon left half written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for scratch in directory.glob(f".*{SUFFIX}.partial"):
            scratch.unlink(missing_ok=True)
        probe = directory / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"black_box.directory {directory} cannot be written ({error.strerror}); "
            "choose another, or set black_box.seconds = 0 to record nothing"
        ) from None
