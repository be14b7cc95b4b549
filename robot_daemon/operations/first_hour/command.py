"""Implements `robot-daemon first-hour`: options, terminal, and what Ctrl-C does."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from robot_daemon.config.cell_config import DaemonConfig
from robot_daemon.operations.first_hour.bench import Bench
from robot_daemon.operations.first_hour.hands import PersonsHands, VirtualHands
from robot_daemon.operations.first_hour.protocol import STEPS, chosen, take
from robot_daemon.operations.first_hour.report import Report
from serl_api.settings import ConfigError, require_between

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("first-hour.json"),
        metavar="FILE",
        help="where results go, and from where an earlier run is resumed (%(default)s); text for people beside it",
    )
    parser.add_argument("--list", action="store_true", help="list the steps and end")
    parser.add_argument("--only", action="append", default=[], metavar="STEP", help="take this step; may be repeated")
    parser.add_argument("--skip", action="append", default=[], metavar="STEP", help="leave this step out; may be too")
    parser.add_argument("--restart", action="store_true", help="forget the results of an earlier run")
    parser.add_argument("--yes", action="store_true", help="ask nothing: for virtual arms, or with the space cleared")
    parser.add_argument(
        "--virtual", type=Path, metavar="SOCKET", help="control socket of a virtual arm, which is then touched by it"
    )
    parser.add_argument(
        "--idle-seconds", type=float, default=3600.0, metavar="S", help="of the last step (%(default)g)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of places that are drawn at random (%(default)s)")


def first_hour(config: DaemonConfig, options: argparse.Namespace) -> int:
    """Leads through the first hour.

    Returns:
        0 where nothing failed, 1 where something did, 130 after Ctrl-C.

    Raises:
        ConfigError: An option or an earlier report cannot be used.
    """
    steps = chosen(options.only, options.skip)
    if options.list:
        for step in STEPS:
            _say(f"{step.name:<18} {step.title}")
        return 0
    require_between("--idle-seconds", options.idle_seconds, 1.0, 86400.0)
    report = _report(config, options)
    wanted = [step for step in steps if options.only or not report.has_passed(step.name)]
    if len(wanted) < len(steps):
        _say(f"{len(steps) - len(wanted)} steps are done already, as {report.path} says; --restart takes them again")
    hands = VirtualHands(options.virtual) if options.virtual else PersonsHands(asks=not options.yes)
    bench = Bench(config, hands, seed=options.seed, idle_s=options.idle_seconds)
    try:
        with _signals_as_interrupts():
            take(wanted, bench, report, _say)
    except KeyboardInterrupt:
        _say("interrupted; the arm holds, and the same command goes on from here")
        return INTERRUPTED
    finally:
        bench.close()
        _say(f"{report.summary or 'no step was taken'}; {report.path} and {report.path.with_suffix('.txt')}")
    return 1 if report.failures else 0


def _report(config: DaemonConfig, options: argparse.Namespace) -> Report:
    owner = config.owner
    report = Report(path=options.report, cell_file=owner) if options.restart else Report.resumed(options.report, owner)
    try:
        report.write()  # Better now than after an hour.
    except OSError as error:
        text = f"--report {options.report} cannot be written ({error.strerror}); give another file"
        raise ConfigError(text) from None
    return report


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Lets SIGTERM and a closed terminal end the steps as Ctrl-C does, and Ctrl-C where a shell had it ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
