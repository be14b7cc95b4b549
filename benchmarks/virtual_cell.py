"""The real daemon and drivers before virtual hardware: rates, jitter, and what happens when a client dies.

`python -m benchmarks.virtual_cell [--kills 50] [--steps 1000]`. Not part of `make bench`: it takes minutes, because its
time is real. Everything is judged by the virtual arm's own log, a record a cycle on the same monotonic clock.
"""

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import franky
import numpy as np

from benchmarks.measure import Report, Row, save, show
from robot_daemon.drivers.franka import FrankaArm, FrankaOptions, motions, steering
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.values import Pose
from serl_client import RobotClient
from simulator.virtual.cell import VirtualCell
from simulator.virtual.fci import VirtualFciProcess

PERIOD_S = 0.1
STILL_M_PER_S = 0.005
_CLIENT = Path(__file__).with_name("dying_client.py")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.virtual_cell", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=Path("runs/virtual-cell.json"))
    options = parser.parse_args()
    with VirtualCell() as cell:
        rows = _stepping(cell, options.steps)
        rows += _killing(cell, options.kills)
    rows += _references()
    report = Report("Virtual cell: libfranka, Modbus and gRPC in real time", rows)
    show(report)
    save([report], options.output)
    return 0 if all(row.met is not False for row in rows) else 1


def _stepping(cell: VirtualCell, steps: int) -> list[Row]:
    arrivals, ticks, overruns = [], [], []
    with RobotClient(cell.address) as robot, robot.control("benchmark") as session:
        session.reset(seed=0)
        home = robot.info.arm.home_tcp_pose
        for index in range(steps):
            offset = 0.02 * np.sin(2 * np.pi * index / 20)
            target = type(home)(home.position + np.array([0.0, offset, 0.0]), home.quaternion_xyzw)
            result = session.step(target, period_s=PERIOD_S)
            arrivals.append(time.monotonic())
            ticks.append(result.applied_time_ns * 1e-9)
            overruns.append(result.overrun_ns * 1e-6)
        log = cell.fci.log()
    period_ms = 1e3 * np.abs(np.diff(arrivals) - PERIOD_S)
    cycles = np.diff(log["time_ns"]) * 1e-6
    late = log["lateness_ns"] * 1e-6
    seconds = (log["time_ns"][-1] - log["time_ns"][0]) * 1e-9
    edges = [0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 1e9]
    counts, _ = np.histogram(late, edges)
    histogram = {f"< {edge:g} ms": int(count) for edge, count in zip(edges[1:], counts, strict=True)}
    print("late by:", json.dumps(histogram))
    rate = (len(log) - 1) / seconds
    return [
        Row("virtual arm, cycles a second", rate, "Hz", [rate], "995 .. 1005", bool(995.0 <= rate <= 1005.0)),
        _most("cycles late by more than 0.5 ms", 100.0 * float((late > 0.5).mean()), "%", 1.0),
        _plain("longest cycle", float(cycles.max()), "ms"),
        _plain("commands that the arm missed, in a row at most", float(log["missed"].max()), ""),
        _most(f"period of Step at 10 Hz, deviation p99 over {steps} steps", _p(period_ms, 99), "ms", 5.0),
        _plain("period of Step, deviation p50", _p(period_ms, 50), "ms"),
        _plain("tick later than due, p99", _p(overruns, 99), "ms"),
    ]


def _killing(cell: VirtualCell, kills: int) -> list[Row]:
    rng = random.Random(0)
    times_ms, noticed_ms, ways_mm = [], [], []
    for _ in range(kills):
        client = subprocess.Popen(
            [sys.executable, str(_CLIENT), cell.address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert client.stdout is not None
        if client.stdout.readline() != "moving\n":
            raise RuntimeError(f"the client did not move: {client.communicate()[1]}")
        time.sleep(0.3 + 0.4 * rng.random())
        killed_ns = time.monotonic_ns()
        client.send_signal(signal.SIGKILL)
        with RobotClient(cell.address) as robot:
            while robot.get_state().control_holder:
                pass
        noticed_ms.append((time.monotonic_ns() - killed_ns) * 1e-6)
        client.communicate()
        time.sleep(1.5)
        log = cell.fci.log()
        times_ms.append(_ms_until_still(log, killed_ns))
        ways_mm.append(_way_back_mm(log, killed_ns))
        with contextlib.suppress(StopIteration), RobotClient(cell.address) as robot:
            next(state for state in robot.stream_states(50.0) if not state.control_holder)
    bound = 300.0
    held = sum(value <= bound for value in times_ms)
    return [
        Row("killed clients whose arm held within 300 ms", held, f"of {kills}", times_ms, f"{kills}", held == kills),
        _most("from the kill to an arm that stands still, longest", max(times_ms), "ms", bound),
        _plain("the same, median", _p(times_ms, 50), "ms"),
        _plain("from the kill to a daemon whose arm is free again, longest", max(noticed_ms), "ms"),
        _plain("the same, median", _p(noticed_ms, 50), "ms"),
        _plain("way back after its furthest place, longest", max(ways_mm), "mm"),
        _plain("the same, median", _p(ways_mm, 50), "mm"),
    ]


def _way_back_mm(log: np.ndarray, since_ns: int) -> float:
    """How far the arm swings back: from its place furthest from where it was at the kill to where it rests, mm."""
    after = log[log["time_ns"] >= since_ns]["flange_position"]
    furthest = after[np.linalg.norm(after - after[0], axis=1).argmax()]
    return 1e3 * float(np.linalg.norm(furthest - after[-1]))


def _ms_until_still(log: np.ndarray, since_ns: int) -> float:
    after = log[log["time_ns"] >= since_ns]
    window = 20  # Differences over 20 ms, because positions of single cycles are noisy in speed.
    steps = after["flange_position"][window:] - after["flange_position"][:-window]
    speeds = np.linalg.norm(steps, axis=1) / (window * 1e-3)
    moving = np.flatnonzero(speeds > STILL_M_PER_S)
    return 0.0 if len(moving) == 0 else float(after["time_ns"][moving[-1] + window] - since_ns) * 1e-6


def _references() -> list[Row]:
    """Targets as a session gives them to the driver, 100 a second."""
    delays, given_ns = [], 0

    def noting(target: Pose) -> franky.CartesianReference:
        nonlocal given_ns
        if given_ns:
            delays.append(time.monotonic_ns() - given_ns)
            given_ns = 0
        return motions.pose_reference(target)  # The driver hands it to libfranka's thread in the next statement.

    with VirtualFciProcess() as fci, mock.patch.object(steering, "pose_reference", noting):
        arm = FrankaArm(FrankaOptions(host=fci.host, model="panda", realtime="prefer"), RealTimebase())
        start = arm.read_state()
        for index in range(1000):
            position = start.tcp_pose.position + np.array([0.0, 0.0, 0.02 * np.sin(2 * np.pi * index / 200)])
            given_ns = time.monotonic_ns()
            arm.set_target(Pose(position, start.tcp_pose.quaternion_xyzw))
            time.sleep(0.01)
        clocks = []
        for _ in range(2000):
            began = time.perf_counter()
            arm.read_state()
            clocks.append(1e6 * (time.perf_counter() - began))
            time.sleep(0.002)
        arm.close()
    us = np.array(delays) * 1e-3
    return [
        _most("from set_target to set_reference, p99", _p(us, 99) * 1e-3, "ms", 2.0),
        _plain("the same, p50", _p(us, 50) * 1e-3, "ms"),
        _plain("reading a new state, p50", _p(clocks, 50), "us"),
    ]


def _p(values, percentile: float) -> float:
    return float(np.percentile(values, percentile))


def _plain(name: str, value: float, unit: str) -> Row:
    return Row(name, value, unit, [value])


def _most(name: str, value: float, unit: str, bound: float) -> Row:
    return Row(name, value, unit, [value], f"<= {bound:g}", bool(value <= bound))


if __name__ == "__main__":
    sys.exit(main())
