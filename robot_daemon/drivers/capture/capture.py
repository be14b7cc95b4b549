"""Reads a camera's stream in a thread, and opens it again when it was lost."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from robot_daemon.hardware.devices import DeviceConnectError, DeviceFault, FrameSample
from serl_api.cell import CameraInfo
from serl_api.enums import FaultSeverity, FaultSource
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.settings import ConfigError

logger = logging.getLogger(__name__)

REOPEN_INTERVAL_S = 1.0
POLL_S = 0.1
QUEUE_LENGTH = 4


class StreamLostError(Exception):
    """Raised when a stream has ended; one sentence for people, and whether opening it again can help."""

    def __init__(self, text: str, *, may_return: bool = True) -> None:
        super().__init__(text)
        self.may_return = may_return


class Stream(Protocol):
    """Reads an open camera or file; used by one thread."""

    info: CameraInfo
    """Constant facts of the camera."""
    problem: str
    """What makes its frames worse than they could be, and what helps; empty when nothing does."""

    def read(self, timeout_s: float) -> FrameSample | None:
        """Waits for the next frame; None when none came in time. Raises StreamLostError when none will come."""
        ...

    def close(self) -> None:
        """Closes the camera or file."""
        ...


class CapturedCamera:
    """Implements a camera whose stream may be lost and return.

    Args:
        name: Of the camera, for what cannot be opened.
        open_stream: Opens it; called by the constructor, later by the camera's own thread. Raises DeviceConnectError or
            ConfigError.
        now_ns: The cell's clock.
        reopen_interval_s: Between two attempts to open a lost stream.

    Raises:
        DeviceConnectError: It cannot be opened; with its name in front.
    """

    def __init__(
        self,
        name: str,
        open_stream: Callable[[], Stream],
        now_ns: Callable[[], int],
        reopen_interval_s: float = REOPEN_INTERVAL_S,
    ) -> None:
        self._name = name
        self._open_stream = open_stream
        self._now_ns = now_ns
        self._reopen_interval_s = reopen_interval_s
        self._changed = threading.Condition()
        self._frames: deque[FrameSample] = deque(maxlen=QUEUE_LENGTH)
        self._trouble = ""
        self._faults: tuple[DeviceFault, ...] = ()
        self._closing = threading.Event()
        self._last_number = -1
        self._number_base = 0
        stream = self._open()
        self.info = stream.info
        """Constant facts of the camera."""
        self._thread = threading.Thread(target=self._run, args=(stream,), name=f"capture-{self.info.name}", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> FrameSample:
        """Waits for the next frame. Raises DeviceUnavailableError when none comes in time; it may return later."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._closing.is_set(), timeout_s)
            if self._frames:
                return self._frames.popleft()
            raise DeviceUnavailableError(self._trouble or f"no frame within {timeout_s:g} s")

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns a warning while the frames are worse than they could be."""
        return self._faults

    def close(self) -> None:
        """Ends the thread, which lets go of the stream."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout=5.0)

    def _open(self) -> Stream:
        try:
            return self._open_stream()
        except (DeviceConnectError, ConfigError) as error:
            raise DeviceConnectError(f"camera {self._name}: {error}") from None

    def _run(self, stream: Stream) -> None:
        opened: Stream | None = stream
        try:
            while opened is not None:
                opened = self._drain(opened)
        except Exception:
            logger.exception("the capture thread of camera %s met a bug; the camera is lost", self.info.name)
            self._trouble = "its driver failed; see the log of the daemon"

    def _drain(self, stream: Stream) -> Stream | None:
        """Reads until the stream is lost; returns the next one, or None when there is none to come."""
        try:
            while not self._closing.is_set():
                sample = stream.read(POLL_S)
                if sample is not None:
                    self._deliver(sample, stream.problem)
        except StreamLostError as lost:
            self._trouble = str(lost)
            logger.warning("camera %s is lost: %s", self.info.name, lost)
            if not lost.may_return:
                return None
        finally:
            stream.close()
        return self._reopen()

    def _reopen(self) -> Stream | None:
        while not self._closing.wait(self._reopen_interval_s):
            try:
                stream = self._open()
            except DeviceConnectError as error:
                self._trouble = str(error)
                continue
            if (stream.info.width, stream.info.height) == (self.info.width, self.info.height):
                return stream
            stream.close()
            size = f"{stream.info.width} x {stream.info.height}"
            self._trouble = f"it came back with frames of {size} px; restart the daemon to use it"
        return None

    def _deliver(self, sample: FrameSample, problem: str) -> None:
        if sample.number + self._number_base <= self._last_number:
            # The camera counts anew; the step of two says that frames between are missing.
            self._number_base = self._last_number + 2 - sample.number
        self._last_number = sample.number + self._number_base
        self._note(problem)
        with self._changed:
            self._trouble = ""
            self._frames.append(replace(sample, number=self._last_number))
            self._changed.notify_all()

    def _note(self, problem: str) -> None:
        known = self._faults[0].text if self._faults else ""
        text = f"camera {self.info.name} is degraded: {problem}" if problem else ""
        if text == known:
            return
        fault = DeviceFault(
            id=f"camera_degraded.{self.info.name}",
            source=FaultSource.CAMERA,
            severity=FaultSeverity.WARNING,
            onset_time_ns=self._now_ns(),
            text=text,
            clearable=False,
        )
        self._faults = (fault,) if problem else ()
