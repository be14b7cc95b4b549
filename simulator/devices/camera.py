"""Implements the simulated camera, which renders a frame when one is asked for."""

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from robot_daemon.hardware.devices import DeviceFault, FrameSample
from serl_api.cell import CameraInfo
from serl_api.enums import StampSource
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FloatArray
from simulator.devices.injection import Condition, Injections
from simulator.physics.physics import Physics
from simulator.physics.rendering import Past, Renderer, RenderError, View

HISTORY = 64
"""Frames kept for injected latency."""
LOCKSTEP_TIMEOUT_S = 1.0
"""Wall time that rendering an earlier instant may take."""


class MujocoCamera:
    """Renders the frames of one camera of the scene.

    In lockstep `read` draws the present instant. In real time it waits for the next tick of the camera's own rate.

    Args:
        physics: The scene.
        renderer: Draws.
        injections: What somebody makes go wrong.
        info: Constant facts; a rate of 0 means lockstep.
        wait: Waits on the wall clock, s; returns whether the camera is closing.
        called: Name in the scene; empty is that of the info.
    """

    def __init__(
        self,
        physics: Physics,
        renderer: Renderer,
        injections: Injections,
        info: CameraInfo,
        wait: Callable[[float], bool] | None = None,
        called: str = "",
    ) -> None:
        self._physics = physics
        self._renderer = renderer
        self._injections = injections
        self._info = info
        self._view = View(camera=called or info.name, width=info.width, height=info.height)
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._count = 0
        self._due_ns = 0
        self._history: deque[FrameSample] = deque(maxlen=HISTORY)
        self._jitter = np.random.default_rng(0)
        self._delivered = 0

    @property
    def info(self) -> CameraInfo:
        """Returns constant facts of the camera."""
        return self._info

    def read(self, timeout_s: float) -> FrameSample:
        """Waits for the next frame. Raises DeviceUnavailableError when none comes in time; it may return later."""
        if self._info.rate_hz > 0.0:
            return self._read_paced(timeout_s)
        self._require_plugged()
        return self._delayed(self._draw(timeout_s)) or self._history[0]

    def read_past(self, positions: FloatArray, time_ns: int) -> FrameSample:
        """Renders an earlier instant from the positions of all joints. Raises DeviceUnavailableError when it cannot."""
        self._require_plugged()
        return self._draw(LOCKSTEP_TIMEOUT_S, Past(positions, time_ns))

    def faults(self) -> tuple[DeviceFault, ...]:
        """Reports none."""
        return ()

    def close(self) -> None:
        """Ends a `read` that waits."""
        self._closing.set()

    def _read_paced(self, timeout_s: float) -> FrameSample:
        waited_s = 0.0
        period_ns = round(1e9 / self._info.rate_hz)
        while waited_s <= timeout_s:
            remaining_s = min(max(0.0, (self._due_ns - self._physics.time_ns) * 1e-9), timeout_s)
            if self._wait(remaining_s):
                break
            waited_s += remaining_s
            self._require_plugged()
            self._due_ns = max(self._due_ns + period_ns, self._physics.time_ns)
            frame = self._delayed(self._draw(timeout_s))
            if frame is not None and frame.number != self._delivered:
                self._delivered = frame.number
                return frame
        raise DeviceUnavailableError(f"camera {self._info.name} gave no frame within {timeout_s:g} s")

    def _require_plugged(self) -> None:
        if self._injections.is_active(Condition.CAMERA_DROPOUT, self._info.name):
            raise DeviceUnavailableError(f"camera {self._info.name} is unplugged, by an injected dropout")

    def _draw(self, timeout_s: float, past: Past | None = None) -> FrameSample:
        try:
            rgb, time_ns = self._renderer.render(self._view, past, timeout_s=max(timeout_s, 10.0))
        except RenderError as error:
            raise DeviceUnavailableError(str(error)) from error
        self._count += 1
        return FrameSample(
            time_ns=time_ns,
            receive_time_ns=self._physics.time_ns,
            number=self._count,
            rgb=rgb,
            stamp_source=StampSource.SIMULATOR,
        )

    def _delayed(self, frame: FrameSample) -> FrameSample | None:
        """Returns the newest frame that is old enough to have arrived under an injected latency."""
        latency = self._injections.latency_of(Condition.CAMERA_LATENCY, self._info.name)
        self._history.append(frame)
        if latency is None:
            self._history.clear()
            return frame
        jitter = self._jitter.uniform(-latency.jitter_ns, latency.jitter_ns) if latency.jitter_ns else 0.0
        newest_ns = frame.receive_time_ns - latency.delay_ns - round(jitter)
        arrived = [sample for sample in self._history if sample.time_ns <= newest_ns]
        return arrived[-1] if arrived else None
