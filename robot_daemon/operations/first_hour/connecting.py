"""Connects to the arm in each of its states, and hears what the daemon says of it."""

from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.operations.first_hour.bench import CLIENT, Bench
from robot_daemon.operations.first_hour.hands import Deed
from robot_daemon.operations.first_hour.step import Outcome, Step
from serl_api.enums import FaultSeverity
from serl_api.errors.robot import RobotError

LISTEN_S = 1.0
"""How long states are counted, s."""
RATE_SHARE = 0.9
"""Share of the configured rate at which states have to come."""


def connect_idle(bench: Bench) -> Outcome:
    """Connects to an arm that is ready, and counts its states."""
    bench.close()
    bench.connect()
    bench.recorder.restart()
    bench.wait(LISTEN_S)
    rate = (bench.recorder.count - 1) / LISTEN_S
    wanted = bench.config.synchronization.sample_rate_hz
    bench.core.active_cell.faults.refresh()
    faults = bench.core.active_cell.faults.active
    critical = [fault for fault in faults if fault.severity is FaultSeverity.CRITICAL]
    said = f"mode {bench.core.mode.name}, {rate:.0f} states/s of {wanted:g}"
    if faults:
        said += "; " + "; ".join(f"{fault.id}: {fault.text}" for fault in faults)
    passed = not critical and rate >= RATE_SHARE * wanted
    gap_s = round(bench.recorder.longest_gap_ns * 1e-9, 4)
    return Outcome.judged(said, passed=passed, states_hz=round(rate, 1), longest_gap_s=gap_s)


def connect_user_stop(bench: Bench) -> Outcome:
    """Connects while the user stop is pressed."""
    return _connect_while(bench, Deed.PRESS_STOP, Deed.RELEASE_STOP)


def connect_brakes(bench: Bench) -> Outcome:
    """Connects while the brakes are closed."""
    return _connect_while(bench, Deed.CLOSE_BRAKES, Deed.OPEN_BRAKES)


def _connect_while(bench: Bench, before: Deed, after: Deed) -> Outcome:
    """Brings the arm into a state, connects, listens, and brings it out again."""
    bench.close()
    refusal = bench.hands.do(before)
    if refusal:
        return Outcome.skipped(refusal)
    try:
        said, is_safe = what_it_says(bench)
    finally:
        bench.close()
        undone = bench.hands.do(after)
    if undone:
        return Outcome.judged(f"said: {said}; then: {undone}", passed=False)
    left = _recovered(bench)
    text = f"said: {said}; afterwards {left or 'ready'}"
    return Outcome.judged(text, passed=is_safe and not left)


def what_it_says(bench: Bench) -> tuple[str, bool]:
    """Connects to an arm that must not move; returns what is said of it, and whether control is refused."""
    try:
        bench.connect()
    except DeviceConnectError as error:
        return str(error), True
    try:
        bench.core.release(bench.core.claim(CLIENT, "this process", bench.core.default_compliance))
    except RobotError as error:
        return f"mode {bench.core.mode.name}: {error}", True
    return f"mode {bench.core.mode.name}, and control of the arm was given, which it must not be", False


def _recovered(bench: Bench) -> str:
    """Connects anew and recovers; returns what is still wrong."""
    try:
        bench.connect()
    except DeviceConnectError as error:
        return str(error)
    _, remaining = bench.core.recover((), CLIENT)
    return "; ".join(f"{fault.id}: {fault.text}" for fault in remaining if fault.severity is FaultSeverity.CRITICAL)


STEPS = (
    Step(name="connect-idle", title="connect to the arm, ready and at rest", run=connect_idle),
    Step(name="connect-user-stop", title="connect while the user stop is pressed", run=connect_user_stop),
    Step(name="connect-brakes", title="connect while the brakes are closed", run=connect_brakes),
)
