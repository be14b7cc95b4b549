"""Skew of three cameras at 30 fps and a state at 1 kHz, in real time: the newest of each, and after synchronisation.

The cameras drift, are late by 15 to 60 ms, jitter and lose one frame in a hundred. Each frame carries its true
exposure, so that not only what the daemon reports is known, but also how wrong it is.
"""

import dataclasses
import math
import time

import numpy as np

from benchmarks.measure import Report, Row, figure
from robot_daemon.config.cell_config import SyncConfig
from robot_daemon.drivers.fake.cell import FakeArm
from robot_daemon.drivers.realsense.stamps import Stamper
from robot_daemon.hardware.devices import ArmSample, Cell, DeviceFault, FrameSample
from robot_daemon.hardware.timebase import RealTimebase
from robot_daemon.sensing.real_time_sensors import RealTimeSensors
from serl_api.cell import CameraInfo
from serl_api.enums import Backend
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import Pose
from tests.support.exposures import CameraTiming, exposures

RATE_HZ = 30.0
STATE_HZ = 1000.0
WARM_UP_S = 2.0
DURATION_S = 8.0
TICK_S = 0.02
CAMERAS = {
    "front": CameraTiming(latency_s=0.015, jitter_s=0.003, drift=6e-5, drop=0.01, global_bias_s=4e-4),
    "side": CameraTiming(latency_s=0.030, jitter_s=0.006, drift=-4e-5, drop=0.01, global_bias_s=-3e-4),
    "wrist": CameraTiming(latency_s=0.050, jitter_s=0.008, drift=2e-5, drop=0.01, global_bias_s=2e-4),
}


class MovingArm(FakeArm):
    """An arm whose place is a known function of time."""

    def read_state(self) -> ArmSample:
        now_ns = self._timebase.now_ns()
        pose = Pose(np.array([place_m(now_ns), 0.0, 0.3]), REST.tcp_pose.quaternion_xyzw)
        return dataclasses.replace(REST, time_ns=now_ns, tcp_pose=pose)


class TimedCamera:
    """Delivers frames of known exposure when they arrive."""

    def __init__(self, name: str, timing: CameraTiming, seed: int) -> None:
        self.info = CameraInfo(name=name, model="timed", serial_number="", width=3, height=1, rate_hz=RATE_HZ)
        self._coming = exposures(timing, begin_ns=time.monotonic_ns(), wall_ns=time.time_ns(), seed=seed)
        self._next = next(self._coming)
        self._stamper = Stamper(20_000_000)

    def read(self, timeout_s: float) -> FrameSample:
        wait_s = (self._next.times.receive_ns - time.monotonic_ns()) * 1e-9
        if wait_s > timeout_s:
            time.sleep(timeout_s)
            raise DeviceUnavailableError("no frame in time")
        time.sleep(max(0.0, wait_s))
        shot, self._next = self._next, next(self._coming)
        received_ns = time.monotonic_ns()  # With what the host adds to the drawn delay.
        stamp = self._stamper.stamp(dataclasses.replace(shot.times, receive_ns=received_ns))
        picture = np.frombuffer(shot.middle_ns.to_bytes(9, "little"), np.uint8).reshape(1, 3, 3)
        return FrameSample(
            time_ns=stamp.time_ns,
            receive_time_ns=received_ns,
            number=shot.number,
            rgb=picture,
            stamp_source=stamp.source,
        )

    def faults(self) -> tuple[DeviceFault, ...]:
        return ()

    def close(self) -> None:
        pass


REST = FakeArm(RealTimebase()).read_state()


def place_m(time_ns: int) -> float:
    return 0.12 * math.sin(2.0 * math.pi * 0.55 * time_ns * 1e-9)


def shown_ns(frame: FrameSample) -> int:
    return int.from_bytes(frame.rgb.tobytes(), "little")


def _ignore(_fault: object) -> None:
    pass


def measure(round_index: int) -> dict[str, float]:
    random = np.random.default_rng(round_index)
    cameras = {
        name: TimedCamera(name, dataclasses.replace(timing, phase_s=random.uniform(0.0, 1.0 / RATE_HZ)), round_index)
        for name, timing in CAMERAS.items()
    }
    arm = MovingArm(RealTimebase())
    cell = Cell(
        name="bench", backend=Backend.FAKE, timebase=RealTimebase(), arm=arm, gripper=None, cameras=dict(cameras)
    )
    samples = [0]

    def count(_arm: object, _gripper: object) -> None:
        samples[0] += 1

    config = SyncConfig(sample_rate_hz=STATE_HZ)
    sensors = RealTimeSensors(cell, config, raise_fault=_ignore, clear_fault=_ignore, on_sample=count)
    sensors.start()
    time.sleep(WARM_UP_S)
    samples[0], begun = 0, time.monotonic()
    rows = []
    while time.monotonic() - begun < DURATION_S:
        time.sleep(TICK_S)
        rows.append(_observe(sensors, tuple(cameras)))
    rate_hz = samples[0] / (time.monotonic() - begun)
    sensors.close()
    table = np.array(rows)
    newest, chosen, offset, error, state_error, age = table.T
    figures = {"state samples": rate_hz}
    for name, values in (("newest of each: skew", newest), ("synchronised: skew", chosen), ("offset", offset)):
        for part in (50, 95, 99):
            figures[f"{name} p{part}"] = float(np.percentile(values, part))
        figures[f"{name} max"] = float(values.max())
    figures["within half"] = float(np.mean(offset <= 500.0 / RATE_HZ) * 100.0)
    figures["error p50"], figures["error max"] = float(np.median(error)), float(error.max())
    figures["state error"] = float(state_error.max())
    figures["age"] = float(np.median(age))
    return figures


def _observe(sensors: RealTimeSensors, names: tuple[str, ...]) -> tuple[float, ...]:
    """Skew of the newest, of the chosen, worst offset, its worst error (all ms), error of the state (um), age (ms)."""
    newest = [frame for name in names if (frame := sensors.newest_frame(name)) is not None]
    now_ns = sensors.arm_state().time_ns
    before = [shown_ns(frame) for frame in newest] + [now_ns]
    snapshot = sensors.snapshot(names)
    reference_ns = snapshot.reference_time_ns
    true = {f"camera/{name}": shown_ns(frame) - reference_ns for name, frame in snapshot.frames}
    errors = [abs(offset.offset_ns - true[offset.sensor]) for offset in snapshot.offsets if offset.sensor in true]
    spread = [*true.values(), 0]
    state_error_m = abs(snapshot.arm.tcp_pose.position[0] - place_m(reference_ns))
    return (
        (max(before) - min(before)) * 1e-6,
        (max(spread) - min(spread)) * 1e-6,
        max(abs(value) for value in true.values()) * 1e-6,
        max(errors) * 1e-6,
        state_error_m * 1e6,
        (now_ns - reference_ns) * 1e-6,
    )


def run(rounds: int) -> Report:
    measured = [measure(index) for index in range(rounds)]
    columns = {name: [figures[name] for figures in measured] for name in measured[0]}
    rows = [figure("state samples", columns["state samples"], "1/s")]
    for title in ("newest of each: skew", "synchronised: skew"):
        rows += [figure(f"{title}, {part}", columns[f"{title} {part}"], "ms") for part in ("p50", "p95", "p99", "max")]
    rows += [
        figure(f"worst camera offset, {part}", columns[f"offset {part}"], "ms") for part in ("p50", "p95", "p99", "max")
    ]
    half, error = columns["within half"], columns["error max"]
    rows += [
        Row("within half a period", float(np.mean(half)), "%", half, ">= 99", float(np.mean(half)) >= 99.0),
        figure("error of reported offsets, p50", columns["error p50"], "ms"),
        Row("error of reported offsets, max", max(error), "ms", error, "<= 2", max(error) <= 2.0),
        figure("error of the state, max", columns["state error"], "um"),
        figure("age of the reference time, p50", columns["age"], "ms"),
    ]
    title = f"Soft synchronisation: {len(CAMERAS)} cameras at {RATE_HZ:g} fps, state at {STATE_HZ:g} Hz, in real time"
    return Report(title, rows)
