"""Loses the client of a moving arm in three ways, and measures how soon and how far on the arm stands still."""

import contextlib
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from robot_daemon.operations.checks.workspace import outside_workspace
from robot_daemon.operations.first_hour.bench import Bench, StepError
from robot_daemon.operations.first_hour.cuttable_line import CuttableLine
from robot_daemon.operations.first_hour.moving_client import TURN_S, WAY_M
from robot_daemon.operations.first_hour.standing import needs_cartesian
from robot_daemon.operations.first_hour.step import Outcome, Step
from serl_api.lifetime.child_process import ChildProcess, ProcessError, python_command

BRAKING_S = 0.6
"""How long an arm that was told to hold may move on, s."""
MOVING_M_PER_S = 0.015
"""Speed of the tool above which the client is lost, m/s: half of its fastest."""
START_S = 20.0
"""How long the client may take to begin, s."""
FREE_S = 5.0
"""How long the daemon may take to free the arm of the lost client, s."""

Loss = Callable[[ChildProcess, CuttableLine], None]


def hold_on_kill(bench: Bench) -> Outcome:
    """Kills the client: its connection closes at once."""
    return _lose(bench, lambda client, _: client.signal(signal.SIGKILL), BRAKING_S)


def hold_on_stop(bench: Bench) -> Outcome:
    """Stops the client (SIGSTOP): its connection stays, and says nothing."""
    return _lose(bench, lambda client, _: client.signal(signal.SIGSTOP), _silence_s(bench))


def hold_on_cut(bench: Bench) -> Outcome:
    """Cuts the client's network: nothing passes, nothing closes."""
    return _lose(bench, lambda _, line: line.cut(), _silence_s(bench))


def _silence_s(bench: Bench) -> float:
    return bench.config.limits.command_timeout_s + BRAKING_S


def _lose(bench: Bench, lose: Loss, bound_s: float) -> Outcome:
    refusal = needs_cartesian(bench)
    if refusal is not None:
        return refusal
    outside = outside_workspace(bench.config.limits, bench.state())
    if outside:
        raise StepError(outside)
    direction = bench.inward(bench.state().tcp_pose.position)[1]
    with contextlib.ExitStack() as opened:
        line = opened.enter_context(CuttableLine(bench.address))
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="first-hour-")))
        command = python_command(f"{__package__}.moving_client", line.address, str(direction))
        client = ChildProcess("client", command, folder / "log", grace_s=0.5)
        opened.callback(client.stop)
        opened.callback(client.signal, signal.SIGKILL)  # A client that was stopped must not go on.
        _await_motion(bench, client)
        at, began_s = bench.state(), bench.now_s
        lose(client, line)
        rested = _await_hold(bench, bound_s + FREE_S)
        held_s = rested - began_s
        way = float(np.linalg.norm(bench.state().tcp_pose.position - at.tcp_pose.position))
        _await_free(bench)
    text = f"still {held_s:.2f} s later (bound {bound_s:.2f}), {way * 1e3:.0f} mm on"
    return Outcome.judged(text, passed=held_s <= bound_s, still_s=round(held_s, 3), way_m=round(way, 4))


def _await_motion(bench: Bench, client: ChildProcess) -> None:
    end_s = bench.now_s + START_S
    while float(np.linalg.norm(bench.state().tcp_twist[:3])) < MOVING_M_PER_S:
        try:
            client.check()
        except ProcessError as error:
            raise StepError(str(error)) from None
        if bench.now_s > end_s:
            raise StepError(f"the client that is to be lost did not move the arm within {START_S:g} s")
        bench.wait(0.005)


def _await_hold(bench: Bench, limit_s: float) -> float:
    """Waits until the arm rests and stays at rest; returns when that began, s."""
    end_s = bench.now_s + limit_s
    since_s = bench.now_s
    while bench.now_s < end_s:
        if not bench.is_at_rest():
            since_s = bench.now_s
        elif bench.now_s - since_s > 0.5 * TURN_S:  # Longer than it rests where it turns.
            return since_s
        bench.wait(0.005)
    return since_s if bench.is_at_rest() else end_s


def _await_free(bench: Bench) -> None:
    end_s = bench.now_s + FREE_S
    while bench.core.session is not None:
        if bench.now_s > end_s:
            raise StepError(f"the daemon still gives the arm to the lost client after {FREE_S:g} s")
        bench.wait(0.05)


_MOTION = f"the tool goes {WAY_M * 1e2:g} cm to and fro along y at 3 cm/s at most, until its client is lost"
STEPS = (
    Step(name="hold-on-kill", title="kill the client of a moving arm", run=hold_on_kill, motion=_MOTION),
    Step(name="hold-on-sigstop", title="stop the client of a moving arm", run=hold_on_stop, motion=_MOTION),
    Step(name="hold-on-cut", title="cut the network of a moving arm's client", run=hold_on_cut, motion=_MOTION),
)
