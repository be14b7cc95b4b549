"""Measures a daemon from the client's side: round trips, ticks, streams. Nothing moves.

The names of a figure's fields are those of `serl-robot bench --json`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from serl_api.enums import Pacing
from serl_api.errors.robot import RobotError
from serl_api.values import FloatArray, Frame, Pose, RobotState, StepResult
from serl_client.camera import CameraClient
from serl_client.connection.clock import ClockOffset
from serl_client.robot import RobotClient
from serl_client.session import ControlSession

WARM_UP_STEPS = 3
"""Steps before the measured ones; the first anchors the daemon's grid."""

CLOCK_EXCHANGES = 64
"""Exchanges of time stamps, of which the fastest counts."""

BINS = 12
"""Rows of a histogram."""

T = TypeVar("T")

_PATIENCE_S = 2.0
"""How long a stream may outlast its time before it is given up."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Holds measured values of one kind."""

    values: FloatArray
    """Shape (n,), in `unit`."""
    unit: str = "ms"
    """"ms" nearly always."""

    @property
    def count(self) -> int:
        """Returns how many there are."""
        return len(self.values)

    def quantile(self, ratio: float) -> float:
        """Returns the value below which a fraction lies; NaN when there is none."""
        return float(np.quantile(self.values, ratio)) if self.count else float("nan")

    def histogram(self) -> tuple[FloatArray, FloatArray]:
        """Counts the values in at most `BINS` bins, of which the last also holds the largest 0.5 %.

        Returns:
            Counts and edges. Shapes (b,) and (b + 1,).
        """
        if self.count == 0:
            return np.zeros(0), np.zeros(1)
        lower, upper = float(self.values.min()), self.quantile(0.995)
        if not upper > lower:
            upper = lower + max(abs(lower) * 1e-3, 1e-6)
        counts, edges = np.histogram(np.clip(self.values, lower, upper), bins=BINS, range=(lower, upper))
        return counts.astype(float), edges

    def document(self) -> dict[str, Any]:
        """Converts to JSON values; the count alone where nothing was measured."""
        if self.count == 0:
            return {"count": 0, "unit": self.unit}
        counts, edges = self.histogram()
        return {
            "count": self.count,
            "unit": self.unit,
            "p50": self.quantile(0.5),
            "p99": self.quantile(0.99),
            "max": float(self.values.max()),
            "histogram": {"edges": edges.tolist(), "counts": counts.astype(int).tolist()},
        }


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """Holds the figures of many `Step`s in place."""

    count: int
    """Steps that were measured."""
    round_trip: Distribution
    """Request to answer; the period included where time passes by itself."""
    request_to_applied: Distribution
    """Request to the instant at which the target took effect, by the mapped clocks; empty in lockstep."""
    period_error: Distribution
    """Time between two answers minus the period; empty in lockstep."""
    period_error_magnitude: Distribution
    """The same without its sign."""
    late_ticks: int
    """Steps whose tick the daemon reported late."""
    worst_overrun_ms: float
    """Lateness of the latest tick."""
    synchronized_ratio: float
    """Fraction of observations in which every sensor was within its tolerance."""
    offsets: dict[str, Distribution]
    """Distance of each sensor's sample to the observation's reference time."""


@dataclass(frozen=True, kw_only=True)
class CameraFigures:
    """Holds the figures of one camera's stream."""

    rate_hz: float
    """Frames a second, by their exposures."""
    nominal_rate_hz: float
    """As the camera is configured."""
    lost: int
    """Frames missing from the camera's own count."""
    age: Distribution
    """Exposure to arrival here, by the mapped clocks."""


@dataclass(frozen=True, kw_only=True)
class StateFigures:
    """Holds the figures of the stream of states."""

    rate_hz: float
    """States a second."""
    asked_hz: float
    """As asked."""
    repeated: int
    """States whose stamp was not newer than the one before."""
    gap: Distribution
    """Time between two arrivals."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Holds all that was measured of one cell."""

    cell: str
    """Its name."""
    backend: str
    """What stands behind it."""
    pacing: str
    """Who makes time pass."""
    get_state_round_trip: Distribution
    """Round trips of `GetState`."""
    step: StepFigures | None
    """None when nothing was to be controlled."""
    states: StateFigures
    """Of the stream of states."""
    cameras: dict[str, CameraFigures]
    """Of those that delivered frames, by name."""


def document(figures: object) -> Any:  # noqa: ANN401 - whatever JSON can hold.
    """Converts figures to JSON values, each under the name of its field."""
    if isinstance(figures, Distribution):
        return figures.document()
    if is_dataclass(figures):
        figures = vars(figures)
    return {name: document(value) for name, value in figures.items()} if isinstance(figures, dict) else figures


def measure_calls(robot: RobotClient, seconds: float) -> Distribution:
    """Measures round trips of `GetState`, one after the other."""
    durations = []
    deadline = time.perf_counter() + seconds
    while (started := time.perf_counter()) < deadline:
        robot.get_state()
        durations.append(time.perf_counter() - started)
    return Distribution(np.array(durations) * 1e3)


def measure_steps(
    robot: RobotClient, session: ControlSession, *, rate_hz: float, seconds: float, cameras: Sequence[str]
) -> StepFigures:
    """Measures steps at the pose measured when the session opened, with camera frames, as an environment takes them."""
    clock = robot.sync_time(CLOCK_EXCHANGES)
    target = session.opening_observation.state.tcp_pose
    period_s = 1.0 / rate_hz
    sent_ns, received_ns, results = [], [], []
    for _ in range(WARM_UP_STEPS + max(2, round(seconds * rate_hz))):
        sent_ns.append(time.monotonic_ns())
        results.append(session.step(target, period_s=period_s, cameras=cameras))
        received_ns.append(time.monotonic_ns())
    sent, received = np.array(sent_ns[WARM_UP_STEPS:]), np.array(received_ns[WARM_UP_STEPS:])
    is_real_time = robot.info.pacing is Pacing.REAL_TIME
    return _step_figures(results[WARM_UP_STEPS:], sent, received, period_s, clock if is_real_time else None)


def measure_streams(
    robot: RobotClient, *, seconds: float, state_rate_hz: float
) -> tuple[StateFigures, dict[str, CameraFigures]]:
    """Measures states and all frames at once, each stream in a thread of its own.

    In lockstep no frame comes by itself, so cameras are left out.
    """
    clock = robot.sync_time(CLOCK_EXCHANGES)
    infos = robot.refresh_info().cameras
    delivering = [name for name, info in infos.items() if info.delivering]
    if robot.info.pacing is Pacing.LOCKSTEP:
        delivering = []
    states: _Arrivals[RobotState] = _Arrivals()
    frames: _Arrivals[Frame] = _Arrivals()
    threads = [states.start(lambda: robot.stream_states(state_rate_hz), seconds)]
    if delivering:
        cameras = CameraClient(robot.connection)
        threads.append(frames.start(lambda: cameras.stream_frames(delivering), seconds))
    for thread in threads:
        thread.join(seconds + _PATIENCE_S)
    states.require()
    figures = {name: _camera_figures(name, frames, infos[name].rate_hz, clock) for name in delivering}
    return _state_figures(states, state_rate_hz), figures


def distance_outside(robot: RobotClient, pose: Pose) -> str:
    """Describes where a pose lies outside the workspace of a cell, in words; empty when it lies inside."""
    limits = robot.info.limits
    for axis, value, lower, upper in zip(
        "xyz",
        pose.position.tolist(),
        limits.workspace_lower.tolist(),
        limits.workspace_upper.tolist(),
        strict=True,
    ):
        if not lower <= value <= upper:
            return f"{axis} is {value:.3f} m, outside {lower:g} to {upper:g} m"
    cosine = min(1.0, abs(float(pose.quaternion_xyzw @ limits.workspace_orientation_xyzw)))
    angle = 2.0 * float(np.arccos(cosine))
    if angle > limits.workspace_rotation + 1e-6:
        return f"it is turned {angle:.3f} rad, more than {limits.workspace_rotation:g} rad"
    return ""


@dataclass(kw_only=True)
class _Arrivals(Generic[T]):
    """Collects what a stream delivers, with the client's time of arrival."""

    items: list[T] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    error: RobotError | None = None

    def start(self, opened: Callable[[], Any], seconds: float) -> threading.Thread:
        """Listens in a thread; one that hears nothing ends with the connection."""
        thread = threading.Thread(target=self._listen, args=(opened, seconds), daemon=True)
        thread.start()
        return thread

    def require(self) -> None:
        """Raises what ended the stream, if an error did."""
        if self.error is not None:
            raise self.error

    def _listen(self, opened: Callable[[], Any], seconds: float) -> None:
        try:
            stream = opened()
            deadline_ns = time.monotonic_ns() + round(seconds * 1e9)
            for item in stream:
                now = time.monotonic_ns()
                if now >= deadline_ns:
                    stream.close()
                    return
                self.items.append(item)
                self.times_ns.append(now)
        except RobotError as error:
            self.error = error


def _step_figures(
    results: Sequence[StepResult], sent: FloatArray, received: FloatArray, period_s: float, clock: ClockOffset | None
) -> StepFigures:
    period_error = delivery = np.zeros(0)
    if clock is not None:
        period_error = np.diff(received) * 1e-6 - period_s * 1e3
        applied = np.array([clock.to_client_ns(result.applied_time_ns) for result in results])
        delivery = (applied - sent) * 1e-6
    overruns = np.array([result.overrun_ns for result in results]) * 1e-6
    sensors = {sensor for result in results for sensor in result.observation.offsets}
    return StepFigures(
        count=len(results),
        round_trip=Distribution((received - sent) * 1e-6),
        request_to_applied=Distribution(delivery),
        period_error=Distribution(period_error),
        period_error_magnitude=Distribution(np.abs(period_error)),
        late_ticks=int((overruns > 0.0).sum()),
        worst_overrun_ms=float(overruns.max(initial=0.0)),
        synchronized_ratio=float(np.mean([result.observation.synchronized for result in results])),
        offsets={sensor: Distribution(_offsets(results, sensor)) for sensor in sorted(sensors)},
    )


def _offsets(results: Sequence[StepResult], sensor: str) -> FloatArray:
    offsets = (result.observation.offsets.get(sensor) for result in results)
    return np.array([abs(offset.offset_ns) * 1e-6 for offset in offsets if offset is not None and not offset.missing])


def _camera_figures(name: str, frames: _Arrivals[Frame], nominal_hz: float, clock: ClockOffset) -> CameraFigures:
    own = [(frame, at) for frame, at in zip(frames.items, frames.times_ns, strict=True) if frame.camera == name]
    exposures = [frame.exposure_time_ns for frame, _ in own]
    numbers = [frame.frame_number for frame, _ in own]
    ages = [clock.to_daemon_ns(at) - frame.exposure_time_ns for frame, at in own]
    return CameraFigures(
        rate_hz=_rate(exposures),
        nominal_rate_hz=nominal_hz,
        lost=numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0,
        age=Distribution(np.array(ages, dtype=float) * 1e-6),
    )


def _state_figures(states: _Arrivals[RobotState], asked_hz: float) -> StateFigures:
    stamps = np.array([state.monotonic_time_ns for state in states.items])
    return StateFigures(
        rate_hz=_rate(states.times_ns),
        asked_hz=asked_hz,
        repeated=int((np.diff(stamps) <= 0).sum()) if len(stamps) > 1 else 0,
        gap=Distribution(np.diff(np.array(states.times_ns, dtype=float)) * 1e-6),
    )


def _rate(times_ns: Sequence[int]) -> float:
    span = times_ns[-1] - times_ns[0] if len(times_ns) > 1 else 0
    return (len(times_ns) - 1) / (span * 1e-9) if span > 0 else 0.0
