"""Measures the control period of a daemon while it is fuzzed, by its own log: `python -m tests.fuzz --control`."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.faults.load import daemon
from tests.fuzz.campaign import Campaign
from tests.fuzz.targets import daemon_under_control
from tests.support.canary import Canary

PERIOD_S = 0.05
WINDOW_S = 5.0
"""The daemon is fuzzed for so long, and left alone for as long, in turn: both meet the same load of others."""
IN_REAL_TIME = ("chrt", "--fifo", "1")
TOKENS = """control = "of the controller"
administer = "of the fuzzer"
"""
CONTROLLER = """
import json, select, sys
from serl_api.enums import SessionClass
from serl_client import RobotClient
address, period_s = sys.argv[1], float(sys.argv[2])
with RobotClient(address, token="of the controller") as robot:
    with robot.control("controller", session_class=SessionClass.OPERATOR) as session:
        times = [session.step(period_s=period_s).applied_time_ns for _ in range(10)][5:]
        print("controls", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            times.append(session.step(period_s=period_s).applied_time_ns)
print(json.dumps(times), flush=True)
"""


@dataclass(frozen=True)
class ControlPeriod:
    """How far the periods of one session were from what was asked."""

    fuzzed_ms: np.ndarray
    """Of periods that began and ended while the daemon was fuzzed, ms each."""
    quiet_ms: np.ndarray
    """While it was not."""
    messages: int
    """How many it was sent."""
    seconds: float
    """How long it was fuzzed."""

    def __str__(self):
        said = [
            f"{name} {len(values)} periods, off by p50 {np.percentile(values, 50):.2f} ms, "
            f"p99 {np.percentile(values, 99):.2f} ms, p100 {values.max():.2f} ms"
            for name, values in (("fuzzed", self.fuzzed_ms), ("left alone", self.quiet_ms))
        ]
        rate = self.messages / self.seconds
        return f"{1 / PERIOD_S:.0f} Hz beside {self.messages} messages, {rate:.0f}/s: {'; '.join(said)}"


def measure(seed, seconds, is_in_real_time=False):
    """Controls a daemon of its own process all along, and fuzzes it for half of a time with all that a peer may do.

    The peer has the token of an administrator and sends everything but `Stop` and `EStop`, which are its right.

    Args:
        seed: Of the messages.
        seconds: How long in all.
        is_in_real_time: Whether daemon and controller come before all that is not in real time, as the fuzzer.

    Raises:
        FindingError: The daemon did what it must not.
    """
    before = IN_REAL_TIME if is_in_real_time else ()
    with (
        tempfile.TemporaryDirectory(prefix="control-period-") as folder,
        contextlib.closing(Canary()) as canary,
    ):
        token_file = Path(folder) / "tokens.toml"
        token_file.write_text(TOKENS)
        token_file.chmod(0o600)
        with (
            daemon("REAL_TIME", token_file, before=before) as (address, _),
            _controlling(address, before) as controller,
        ):
            campaign = Campaign(daemon_under_control(address, "of the fuzzer"), seed, "of the fuzzer", canary)
            windows, end = [], time.monotonic() + seconds
            while time.monotonic() < end:
                begun_ns = time.monotonic_ns()
                campaign.run(sys.maxsize, time.monotonic() + WINDOW_S)
                windows.append((begun_ns, time.monotonic_ns()))
                time.sleep(WINDOW_S)
            times = _applied_times(controller)
    return _compare(times, windows, campaign.sent)


@contextlib.contextmanager
def _controlling(address, before):
    command = [*before, sys.executable, "-c", CONTROLLER, address, str(PERIOD_S)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "controls\n"
        try:
            yield process
        finally:
            process.kill()


def _applied_times(controller):
    output, _ = controller.communicate(timeout=60)
    assert controller.returncode == 0, "the session ended before it was to"
    return np.array(json.loads(output))


def _compare(times_ns, windows_ns, messages):
    off_ms = np.abs(np.diff(times_ns) - PERIOD_S * 1e9) * 1e-6
    begins, ends = times_ns[:-1], times_ns[1:]
    fuzzed = np.zeros(len(off_ms), bool)
    touched = np.zeros(len(off_ms), bool)
    for begin, end in windows_ns:
        fuzzed |= (begins >= begin) & (ends <= end)
        touched |= (begins <= end) & (ends >= begin)
    seconds = sum(end - begin for begin, end in windows_ns) * 1e-9
    return ControlPeriod(off_ms[fuzzed], off_ms[~touched], messages, seconds)
