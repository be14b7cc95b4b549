"""Lets a hand push the arm until it stops, connects to it as it is then, and recovers."""

import numpy as np

from robot_daemon.operations.first_hour.bench import CLIENT, Bench
from robot_daemon.operations.first_hour.connecting import what_it_says
from robot_daemon.operations.first_hour.forces import needs_forces
from robot_daemon.operations.first_hour.hands import Deed
from robot_daemon.operations.first_hour.standing import needs_cartesian
from robot_daemon.operations.first_hour.step import Outcome, Step
from serl_api.enums import FaultSeverity
from serl_api.errors.robot import RobotError

PUSH_S = 60.0
"""How long a person may take to push hard enough, s."""
WAY_M = 0.1
"""How far the tool may be afterwards from where it was, m: it was pushed."""


def reflex_by_hand(bench: Bench) -> Outcome:
    """Holds the arm while it is pushed: a contact must stop it, and recovery must bring it back."""
    return _pushed(bench, reconnects=False)


def connect_reflex(bench: Bench) -> Outcome:
    """Connects anew to an arm that a push has stopped."""
    return _pushed(bench, reconnects=True)


def _pushed(bench: Bench, *, reconnects: bool) -> Outcome:
    refusal = needs_cartesian(bench) or needs_forces(bench)
    if refusal is not None:
        return refusal
    start = bench.state().tcp_pose
    said = _push(bench)
    if isinstance(said, Outcome):
        return said
    is_safe = True
    if reconnects:
        bench.close()
        said, is_safe = what_it_says(bench)
    let_go = bench.hands.do(Deed.LET_GO)
    left = let_go or _recover(bench)
    way = float(np.linalg.norm(bench.state().tcp_pose.position - start.position))
    text = f"said: {said}; afterwards {left or 'recovered'}, {way * 1e3:.0f} mm from before"
    return Outcome.judged(text, passed=is_safe and not left and way <= WAY_M, way_m=round(way, 4))


def _push(bench: Bench) -> str | Outcome:
    """Holds the arm until a push has stopped it; returns what the daemon says of that."""
    start = bench.state().tcp_pose
    try:
        with bench.session() as session:
            bench.stay(session, start, 0.5)
            refusal = bench.hands.do(Deed.PUSH)
            if refusal:
                return Outcome.skipped(refusal)
            bench.stay(session, start, PUSH_S)
    except RobotError as error:
        return str(error)
    return Outcome.judged(f"nothing stopped the arm within {PUSH_S:g} s of pushing", passed=False)


def _recover(bench: Bench) -> str:
    """Recovers; returns what is still wrong."""
    bench.wait(0.5)
    _, remaining = bench.core.recover((), CLIENT)
    return "; ".join(f"{fault.id}: {fault.text}" for fault in remaining if fault.severity is FaultSeverity.CRITICAL)


_MOTION = "nothing by itself; the arm holds its place, gives way to your push and stops by a reflex"
STEPS = (
    Step(name="reflex-by-hand", title="push the arm until it stops", run=reflex_by_hand, motion=_MOTION),
    Step(name="connect-reflex", title="connect to an arm that a push has stopped", run=connect_reflex, motion=_MOTION),
)
