"""Lists the steps of the first hour and takes them, one after the other."""

import time
from collections.abc import Callable, Sequence

from robot_daemon.api.response_builder import daemon_version
from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.operations.first_hour import connecting, forces, holding, standing, stepping, touching
from robot_daemon.operations.first_hour.bench import CLIENT, Bench, StepError
from robot_daemon.operations.first_hour.report import Report, row
from robot_daemon.operations.first_hour.step import Outcome, Step, Verdict
from serl_api.errors.robot import RobotError
from serl_api.settings import ConfigError, nearest

STEPS: tuple[Step, ...] = (
    *connecting.STEPS,
    *standing.STEPS,
    *forces.STEPS,
    *stepping.STEPS,
    *holding.STEPS,
    *touching.STEPS,
    standing.IDLE,
)
"""In the order in which they are taken: what moves least comes first, what lasts longest last."""


def chosen(only: Sequence[str], skip: Sequence[str]) -> list[Step]:
    """Selects steps by name, in the protocol's order.

    Raises:
        ConfigError: There is no step of a name; with the nearest one.
    """
    names = [step.name for step in STEPS]
    for name in (*only, *skip):
        if name not in names:
            raise ConfigError(f"there is no step {name}; {nearest(name, names)}")
    return [step for step in STEPS if (not only or step.name in only) and step.name not in skip]


def take(steps: Sequence[Step], bench: Bench, report: Report, say: Callable[[str], None]) -> None:
    """Takes steps, each of which is in the report once it is over.

    Args:
        steps: Those that are wanted.
        bench: The arm.
        report: Keeps the results, on the disk.
        say: Writes a line for people.
    """
    for number, step in enumerate(steps, 1):
        say(f"{number} of {len(steps)}: {step.title} ({step.name})")
        began_s = time.monotonic()
        outcome = _taken(step, bench)
        _note_facts(report, bench)
        report.add(step, outcome, time.monotonic() - began_s)
        for line in row(step.name, report.results[step.name]):
            say(line)


def _taken(step: Step, bench: Bench) -> Outcome:
    try:
        refusal = _recovered(bench) or (bench.hands.allow(step.motion) if step.motion else "")
        return Outcome.skipped(refusal) if refusal else step.run(bench)
    except (RobotError, DeviceConnectError, StepError) as error:
        return Outcome(verdict=Verdict.FAIL, text=str(error))


def _recovered(bench: Bench) -> str:
    """Recovers, if somebody agrees, from what an earlier step left behind; returns why not, empty where nothing is."""
    if not bench.is_connected:
        return ""
    faults = bench.core.active_cell.faults
    faults.refresh()
    if not faults.forbidding:
        return ""
    found = "; ".join(f"{fault.id}: {fault.text}" for fault in faults.forbidding)
    refusal = bench.hands.agree(f"The arm is faulted ({found}). Look at it; the fault will be cleared, nothing moves.")
    if not refusal:
        bench.core.recover((), CLIENT)
    return refusal


def _note_facts(report: Report, bench: Bench) -> None:
    if report.facts or not bench.is_connected:
        return
    config = bench.config
    report.facts = {
        "cell": config.name,
        "driver": config.arm.driver,
        "arm": bench.arm.info.model,
        "daemon": daemon_version(),
        "seed": bench.seed,
    }
