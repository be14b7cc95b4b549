"""Command line of the robot daemon: read the cell's file, connect to its devices, serve until a signal."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from robot_daemon.cell import build_cell
from robot_daemon.config import ConfigError, DaemonConfig, load_config
from robot_daemon.devices import DeviceConnectError
from robot_daemon.server import DaemonServer, ServeError, serve_until_signal

EPILOG = """\
examples:
  robot-daemon example-config > cell.toml    write a commented file to start from (fake devices, moves nothing)
  robot-daemon --config cell.toml --check    say whether the file is right, connect to nothing
  robot-daemon --config cell.toml            serve the cell until Ctrl-C or SIGTERM; the arm then holds

exit codes: 0 stopped by a signal, 1 the cell cannot be served, 2 wrong usage or a wrong file
"""


def serve(config: DaemonConfig, ready_file: Path | None = None) -> None:
    """Connects to a cell and serves it until a signal.

    Raises:
        ConfigError: The file asks for what does not exist, or for an address that is not safe.
        DeviceConnectError: A device cannot be reached.
        ServeError: The address is in use.
    """
    server = DaemonServer(
        build_cell(config),
        config.server,
        config.limits,
        sync=config.synchronization,
        compliance=config.compliance,
    )
    serve_until_signal(server, ready_file=ready_file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="robot-daemon",
        description="Serves one robot cell (arm, gripper, cameras) over gRPC.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=["serve", "example-config"], default="serve")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of the cell")
    parser.add_argument("--check", action="store_true", help="check the file, then exit")
    parser.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="gets the bound address once calls are answered"
    )
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info")
    options = parser.parse_args(arguments)
    if options.command == "example-config":
        print(files("robot_daemon").joinpath("example.toml").read_text(encoding="utf-8"), end="")
        return 0
    if options.config is None:
        parser.error("--config FILE is required; `robot-daemon example-config > cell.toml` writes one to start from")
    logging.basicConfig(
        stream=sys.stderr, level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        config = load_config(options.config)
        if options.check:
            print(f"{options.config} is right")
            return 0
        serve(config, options.ready_file)
    except ConfigError as error:
        print(f"robot-daemon: {error}", file=sys.stderr)
        return 2
    except (DeviceConnectError, ServeError) as error:
        print(f"robot-daemon: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
