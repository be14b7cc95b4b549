"""Ripple, lag and acceleration of a TCP that is asked for a steady speed at 10 Hz, by how targets are shaped.

`python -m benchmarks.smoothness [--only sim|virtual]`. Not part of `make bench`: the driver before the virtual arm
takes real time; the arm's own log at 1 kHz is the judge, and the state after every step of the simulator.
"""

import argparse
import contextlib
import dataclasses
import time

import numpy as np

from robot_daemon.config.cell_config import LimitsConfig
from robot_daemon.control.limits import Limits
from robot_daemon.drivers.franka import FrankaArm, FrankaOptions
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.values import FloatArray, Pose
from simulator.devices.cell import LIMITS, build_cell
from simulator.model.arm_table import PANDA
from simulator.model.gripper_model import TCP_OFFSET
from simulator.physics.impedance import COMPLIANCE
from simulator.virtual.fci import VirtualFciProcess

SPEED_M_PER_S, PERIOD_S, STEPS, SETTLING = 0.1, 0.1, 20, 8
WINDOW = 20
"""Samples, ms, over which speeds and accelerations are differences."""


def bounds_of(arm: object, limits: LimitsConfig, *, interpolates: bool) -> None:
    config = dataclasses.replace(limits, interpolates_targets=interpolates)
    arm.set_bounds(Limits(config, arm.info, None).motion_bounds)  # type: ignore[attr-defined]


def say(name: str, times: FloatArray, places: FloatArray, due: FloatArray) -> None:
    """Prints figures of the steady part: shapes (N,) s, (N,) m along the way, and (N,) m where it was asked to be."""
    keep = (times > SETTLING * PERIOD_S) & (times < STEPS * PERIOD_S)
    span = times[WINDOW:] - times[:-WINDOW]
    speed = (places[WINDOW:] - places[:-WINDOW]) / span
    rate = (speed[WINDOW:] - speed[:-WINDOW]) / (0.5 * (span[WINDOW:] + span[:-WINDOW]))
    steady = speed[keep[WINDOW:]]
    ripple = 100.0 * (steady.max() - steady.min()) / steady.mean()
    lag = 1e3 * float((due - places)[keep].mean()) / SPEED_M_PER_S
    strongest = np.percentile(np.abs(rate[keep[2 * WINDOW :]]), 95)
    print(
        f"{name:44} {steady.mean():.3f} m/s, ripple {ripple:4.0f} %, lag {lag:4.0f} ms, |a| p95 {strongest:.2f} m/s^2"
    )


def targets(start: Pose) -> list[Pose]:
    step = np.array((0.0, SPEED_M_PER_S * PERIOD_S, 0.0))
    return [Pose(start.position + (index + 1) * step, start.quaternion_xyzw) for index in range(STEPS)]


def simulated(*, interpolates: bool) -> None:
    cell = build_cell("pick-cube")
    bounds_of(cell.arm, LIMITS, interpolates=interpolates)
    start = cell.arm.read_state().tcp_pose
    begun, times, places = cell.timebase.now_ns(), [], []
    for target in targets(start):
        cell.arm.set_pace(PERIOD_S)  # type: ignore[attr-defined]
        cell.arm.set_target(target)
        for _ in range(50):
            cell.timebase.wait_until(cell.timebase.now_ns() + 2_000_000)
            times.append((cell.timebase.now_ns() - begun) * 1e-9)
            places.append(cell.arm.read_state().tcp_pose.position[1] - start.position[1])
    every = np.arange(0.0, times[-1], 1e-3)
    way = np.interp(every, times, places)
    say(f"simulator, {'interpolated' if interpolates else 'as they come'}", every, way, SPEED_M_PER_S * every)
    cell.close()


def driven(fci: VirtualFciProcess, time_constant_s: float, *, interpolates: bool) -> None:
    fci.inject("place", positions=list(PANDA.home))
    options = FrankaOptions(
        host=fci.host,
        model="panda",
        realtime="prefer",
        tcp_position_m=(0.0, 0.0, TCP_OFFSET),
        target_time_constant_s=time_constant_s,
    )
    with contextlib.closing(FrankaArm(options, RealTimebase())) as arm:
        arm.set_compliance(COMPLIANCE)
        bounds_of(arm, LIMITS, interpolates=interpolates)
        arm.set_pace(PERIOD_S)
        start = arm.read_state().tcp_pose
        arm.set_target(start)
        time.sleep(1.5)
        start = arm.read_state().tcp_pose
        begun = time.monotonic()
        for index, target in enumerate(targets(start)):
            time.sleep(max(0.0, begun + index * PERIOD_S - time.monotonic()))
            arm.set_target(target)
        time.sleep(PERIOD_S)
        log = fci.log()
    log = log[log["time_ns"] >= begun * 1e9]
    times = log["time_ns"] * 1e-9 - begun
    places = log["flange_position"][:, 1] - log["flange_position"][0, 1]
    shaped = f"low-pass {time_constant_s:g} s" + (", interpolated" if interpolates else "")
    say(f"driver, {shaped}", times, places, SPEED_M_PER_S * times)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smoothness", description=__doc__)
    parser.add_argument("--only", choices=["sim", "virtual"])
    only = parser.parse_args().only
    if only != "virtual":
        simulated(interpolates=False)
        simulated(interpolates=True)
    if only != "sim":
        with VirtualFciProcess(arm="panda", task="pick-cube", lost_packet_limit=2000, priority=None) as fci:
            for time_constant_s, interpolates in ((0.05, False), (0.2, False), (0.0, True), (0.02, True), (0.05, True)):
                driven(fci, time_constant_s, interpolates=interpolates)


if __name__ == "__main__":
    main()
