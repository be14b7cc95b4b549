"""Lets the arm stand under control: a few seconds that move no joint, and an idle period with its success rate."""

import numpy as np

from robot_daemon.operations.first_hour.bench import PERIOD_S, Bench
from robot_daemon.operations.first_hour.step import Figure, Outcome, Step
from serl_api.enums import ControlMode
from serl_api.progress import Progress

STILL_S = 5.0
"""How long the still test lasts, s."""
STILL_TCP_M, STILL_JOINT_RAD = 0.002, 0.05
"""How far the tool and any joint may go while the present pose is asked for, m and rad."""
SUCCESS_SHARE = 0.95
"""Least share of commands in time over the idle period; lost in a row, they are a fault of the arm."""
STATE_SHARE = 0.9
"""Least share of the configured rate of states."""


def null_space_still(bench: Bench) -> Outcome:
    """Asks for the present pose: neither the tool nor, in the null space, any joint may move."""
    refusal = needs_cartesian(bench)
    if refusal is not None:
        return refusal
    start = bench.state()
    with bench.session() as session, bench.recording() as states:
        bench.stay(session, start.tcp_pose, STILL_S)
    tool = max(float(np.linalg.norm(state.tcp_pose.position - start.tcp_pose.position)) for state in states)
    joints = max(float(np.abs(state.joint_positions - start.joint_positions).max()) for state in states)
    text = (
        f"the tool went {tool * 1e3:.2f} mm (bound {STILL_TCP_M * 1e3:g}), "
        f"a joint {joints:.4f} rad (bound {STILL_JOINT_RAD:g})"
    )
    passed = tool < STILL_TCP_M and joints < STILL_JOINT_RAD
    return Outcome.judged(text, passed=passed, tcp_m=round(tool, 6), joint_rad=round(joints, 6))


def idle(bench: Bench) -> Outcome:
    """Holds the arm in place for a long time, under control, and watches over its control loop."""
    refusal = needs_cartesian(bench)
    if refusal is not None:
        return refusal
    start, drift, rates = bench.state(), 0.0, []
    with bench.session() as session, Progress().phase("idle", bench.idle_s) as phase:
        bench.stay(session, start.tcp_pose, 1.0)  # The loop has begun.
        bench.recorder.restart()
        began_s = bench.now_s
        while (passed_s := bench.now_s - began_s) < bench.idle_s:
            bench.follow(session, [start.tcp_pose])
            state = bench.state()
            drift = max(drift, float(np.linalg.norm(state.tcp_pose.position - start.tcp_pose.position)))
            if state.command_success_rate is not None:
                rates.append(state.command_success_rate)
            phase.report(passed_s)
        count, gap_s = bench.recorder.count, bench.recorder.longest_gap_ns * 1e-9
    states_hz = count / max(passed_s, PERIOD_S)
    return _judged(bench, passed_s, drift, states_hz, gap_s, rates)


def _judged(
    bench: Bench, seconds: float, drift_m: float, states_hz: float, gap_s: float, rates: list[float]
) -> Outcome:
    wanted = bench.config.synchronization.sample_rate_hz
    figures: dict[str, Figure] = {
        "seconds": round(seconds, 1),
        "drift_m": round(drift_m, 6),
        "states_hz": round(states_hz, 1),
        "longest_gap_s": round(gap_s, 4),
    }
    text = f"{seconds:.0f} s, drift {drift_m * 1e3:.2f} mm, {states_hz:.0f} states/s of {wanted:g}, longest gap "
    text += f"{gap_s * 1e3:.0f} ms"
    passed = drift_m < STILL_TCP_M and states_hz >= STATE_SHARE * wanted
    if rates:
        mean, least = float(np.mean(rates)), min(rates)
        figures |= {"success_rate": round(mean, 5), "least_success_rate": round(least, 5)}
        text += f"; control success rate {mean:.4f} (bound {SUCCESS_SHARE:g}), at least {least:.2f}"
        passed = passed and mean >= SUCCESS_SHARE
    else:
        text += "; this arm's driver counts no success rate of its control loop"
    return Outcome.judged(text, passed=passed, **figures)


def needs_cartesian(bench: Bench) -> Outcome | None:
    """Returns that a step is not applicable where the arm tracks no TCP poses."""
    if ControlMode.CARTESIAN_IMPEDANCE in bench.core.active_cell.limits.control_modes:
        return None
    return Outcome.not_applicable("this arm's driver tracks no poses of the tool")


STEPS = (
    Step(
        name="null-space-still",
        title="ask for the present pose: nothing may move",
        run=null_space_still,
        motion=f"nothing should move; the arm is under control for {STILL_S:g} s",
    ),
)
IDLE = Step(
    name="idle",
    title="stand under control for a long time",
    run=idle,
    motion="nothing should move; the arm is under control for the idle period",
)
