"""Runs the command line `robot-daemon`: serve a cell, check it, install it as a service, read its black box."""

import argparse
import contextlib
import faulthandler
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

from robot_daemon.api.response_builder import daemon_version
from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_builder import DRIVER_GROUPS
from robot_daemon.config.cell_config import DaemonConfig, load_config
from robot_daemon.control.active_cell import close_cell
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.events import EventListener, EventListeners
from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.operations.black_box import BlackBox, list_recordings
from robot_daemon.operations.checks.cell_check import check_cell, check_file
from robot_daemon.operations.checks.workspace import outside_workspace
from robot_daemon.operations.connecting import connect
from robot_daemon.operations.event_log import FORMATTERS, EventLog, logging_to_stderr
from robot_daemon.operations.first_hour.command import add_options as add_first_hour_options
from robot_daemon.operations.first_hour.command import first_hour
from robot_daemon.operations.install import InstallError, install_unit
from robot_daemon.operations.lifecycle import serve_until_signal
from robot_daemon.operations.memory_lock import lock_memory
from robot_daemon.operations.notify import Notifier
from robot_daemon.operations.recording import RecordingError, read_recording
from robot_daemon.operations.recording_text import summarize, write_csv
from robot_daemon.operations.service_status import ServiceStatus
from robot_daemon.operations.traces.recording import record_trace
from robot_daemon.operations.traces.trace_file import TraceError
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.plugins import plugin_table
from serl_api.progress import Progress
from serl_api.server import ServeError
from serl_api.settings import ConfigError

EPILOG = """\
examples:
  robot-daemon example-config > cell.toml     write a commented file to start from (fake devices, moves nothing)
  robot-daemon check --config cell.toml       say what is wrong with the cell and its host, and how to fix it
  robot-daemon first-hour --config cell.toml  lead through the first hour with a new cell, step by step, with a report
  robot-daemon --config cell.toml             serve the cell until Ctrl-C or SIGTERM; the arm then holds
  robot-daemon drivers                        list the drivers that a cell's file can name
  robot-daemon install-unit --config /etc/serl/cell.toml --output -   print the systemd unit and the udev rules
  robot-daemon record-trace FILE --host HOST  record what a Franka arm and its client say, 1000 times a second
  robot-daemon black-box FILE                 say what happened in the seconds before a fault

`robot-daemon COMMAND --help` explains a command. Without a command it serves.

exit codes: 0 done or stopped by a signal; 1 the cell cannot be served, or a check failed; 2 wrong usage or file
"""

logger = logging.getLogger(__name__)

NEEDS_CONFIG = "--config FILE is required; `robot-daemon example-config > cell.toml` writes one to start from"


def serve(config: DaemonConfig, ready_file: Path | None = None, *, waits: bool = True) -> None:
    """Connects to a cell and serves it until a signal.

    Args:
        config: The cell's file.
        ready_file: Gets the bound address once the cell is served.
        waits: Whether to wait for devices that cannot be reached, answering calls meanwhile.

    Raises:
        ConfigError: The file asks for what does not exist, or for an address that is not safe.
        DeviceConnectError: A device cannot be reached, and nobody wants to wait.
        ServeError: The address is in use.
    """
    if not faulthandler.is_enabled():
        with contextlib.suppress(OSError, AttributeError, ValueError):  # stderr is no file.
            faulthandler.enable()  # When the service manager's watchdog aborts, the log says where each thread hung.
    notifier = Notifier.from_environment()
    listeners: list[EventListener] = [EventLog(), ServiceStatus(notifier)]
    with StopSignal() as stop, ExitStack() as failed:  # What must be closed when the cell is not even served.
        if config.black_box.seconds > 0.0:
            listeners.append(BlackBox(config.black_box, config.synchronization.sample_rate_hz, _facts(config)))
        failed.callback(EventListeners(listeners).close)
        connected = connect(config, stop, notifier, waits=waits)
        if connected is None:
            return
        failed.callback(close_cell, connected.cell)
        server = DaemonServer(
            connected.cell,
            connected.server,
            config.limits,
            sync=config.synchronization,
            compliance=config.compliance,
            listeners=listeners,
        )
        failed.pop_all()
        if connected.stopped is not None:
            server.core.stop(connected.stopped.client_name, connected.stopped.text)
        _warn_of_workspace(server.core)
        serve_until_signal(server, ready_file=ready_file, notifier=notifier, stop=stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["serve", *given]
    parser = _parser()
    options = parser.parse_args(given)
    try:
        return _COMMANDS[options.command](options, parser)
    except ConfigError as error:
        print(f"robot-daemon: {error}", file=sys.stderr)
        return 2
    except (DeviceConnectError, ServeError, InstallError, RecordingError, TraceError) as error:
        print(f"robot-daemon: {error}", file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    config = _config(options, parser)
    with logging_to_stderr(options.log_level, options.log_format):
        lock_memory()
        serve(config, options.ready_file, waits=not options.no_wait)
    return 0


def _check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    config = _config(options, parser)
    if options.file_only:
        check_file(config)
        print(f"{options.config} is right")
        return 0
    with logging_to_stderr("error", "text"), Progress().phase("checking the cell"):
        return check_cell(config, sys.stdout)


def _first_hour(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    config = _config(options, parser)
    with logging_to_stderr("error", "text"):
        return first_hour(config, options)


def _install_unit(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    config = _config(options, parser)
    install_unit(
        config,
        options.config,
        user=options.user,
        cpus=options.cpus,
        output=options.output,
        force=options.force,
        out=sys.stdout,
    )
    return 0


def _drivers(_options: argparse.Namespace, _parser: argparse.ArgumentParser) -> int:
    print(plugin_table(DRIVER_GROUPS))
    return 0


def _example_config(_options: argparse.Namespace, _parser: argparse.ArgumentParser) -> int:
    print(files("robot_daemon").joinpath("example.toml").read_text(encoding="utf-8"), end="")
    return 0


def _record_trace(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if not options.seconds >= 0.0:
        parser.error(f"--seconds is {options.seconds:g}; it must be 0, which is until Ctrl-C, or more")
    with StopSignal() as stop:
        found = record_trace(options.host, options.file, stop, seconds=options.seconds, card=options.card)
    print(f"{found.states} states, {found.lost_states} lost, and {found.commands} commands in {options.file}")
    if found.states:
        return 0
    print("no state came: is a program connected to the arm, and is this the machine?", file=sys.stderr)
    return 1


def _black_box(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if options.file.is_dir():
        for path in list_recordings(options.file):
            print(path)
        return 0
    recording = read_recording(options.file)
    if options.csv is None:
        for line in summarize(recording):
            print(line)
        return 0
    try:
        with options.csv.open("w", encoding="utf-8", newline="") as file:
            rows = write_csv(recording, file)
    except OSError as error:
        parser.error(f"--csv {options.csv} cannot be written: {error.strerror}")
    print(f"{rows} rows in {options.csv}")
    return 0


_COMMANDS = {
    "serve": _serve,
    "check": _check,
    "first-hour": _first_hour,
    "install-unit": _install_unit,
    "drivers": _drivers,
    "example-config": _example_config,
    "black-box": _black_box,
    "record-trace": _record_trace,
}


def _config(options: argparse.Namespace, parser: argparse.ArgumentParser) -> DaemonConfig:
    if options.config is None:
        parser.error(NEEDS_CONFIG)
    return load_config(options.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="robot-daemon",
        description="Serves one robot cell (arm, gripper, cameras) over gRPC.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    serving = _with_config(_add(commands, "serve", "serve the cell until a signal (the default)"))
    serving.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="gets the bound address once calls are answered"
    )
    serving.add_argument(
        "--no-wait", action="store_true", help="end with 1 when a device cannot be reached, in place of waiting for it"
    )
    serving.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info")
    serving.add_argument("--log-format", choices=list(FORMATTERS), default="text", help="for people or for programs")
    checking = _with_config(_add(commands, "check", "test each device and the host; nothing moves, nothing is served"))
    checking.add_argument("--file-only", action="store_true", help="check the file, connect to nothing")
    leading = _add(commands, "first-hour", "lead a person through the first hour with a new cell; asks before it moves")
    add_first_hour_options(_with_config(leading))
    installing = _with_config(_add(commands, "install-unit", "write the systemd unit and the udev rules"))
    installing.add_argument("--user", default="robot", help="account that the daemon runs as (%(default)s)")
    installing.add_argument("--cpus", metavar="LIST", help="cores that it keeps to, such as 2-5 (default: all)")
    installing.add_argument(
        "--output", metavar="DIR", help="folder for both files, or - for stdout; left out: where systemd and udev look"
    )
    installing.add_argument("--force", action="store_true", help="replace files that differ")
    _add(commands, "drivers", "list the drivers of all installed packages, with package and version")
    _add(commands, "example-config", "print a commented file to start from")
    reading = _add(commands, "black-box", "summarize a recording of the last seconds before a fault")
    reading.add_argument("file", type=Path, metavar="FILE", help="a recording, or a folder of recordings to list")
    reading.add_argument("--csv", type=Path, metavar="FILE", help="write a table instead, one row a state")
    recording = _add(commands, "record-trace", "record every state and command of a Franka arm that a program controls")
    recording.add_argument("file", type=Path, metavar="FILE", help="the trace; must not exist")
    recording.add_argument("--host", required=True, help="address of the arm")
    recording.add_argument("--seconds", type=float, default=0.0, metavar="S", help="how long (default: until Ctrl-C)")
    recording.add_argument("--card", default="", metavar="NAME", help="network card to listen to (default: all)")
    return parser


def _add(commands: Any, name: str, text: str) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's type is private.
    return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")


def _with_config(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of the cell")
    return parser


def _facts(config: DaemonConfig) -> dict[str, str]:
    return {
        "cell": config.name,
        "arm": config.arm.driver,
        "gripper": "" if config.gripper is None else config.gripper.driver,
        "cameras": ",".join(config.cameras),
        "daemon": daemon_version(),
    }


def _warn_of_workspace(core: DaemonCore) -> None:
    with contextlib.suppress(DeviceUnavailableError):
        text = outside_workspace(core.active_cell.limits.config, core.arm_state()[0])
        if text:
            core.emit("outside_workspace", warning=True, text=text)


if __name__ == "__main__":
    sys.exit(main())
