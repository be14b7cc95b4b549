"""Runs the command line `serl-virtual fci`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from robot_daemon.operations.traces.trace_file import TraceError
from serl_api.errors.robot import NotFoundError
from serl_api.lifetime.ready_file import announced
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.settings import ConfigError
from simulator.command_line import add_log_level, add_ready_file, command_parser, log_to_stderr
from simulator.model.arm_table import ARMS
from simulator.virtual.fci.controller.plant import NO_TASK
from simulator.virtual.fci.controller.reflexes import LOST_PACKET_LIMIT
from simulator.virtual.fci.protocol import PORT, VERSION
from simulator.virtual.fci.replay import ReplayServer
from simulator.virtual.fci.scheduling import AUTOMATIC_PRIORITY, raise_priority
from simulator.virtual.fci.server import FciServer, ServerOptions
from simulator.virtual.imperfections import add_imperfections, chosen_imperfections

logger = logging.getLogger(__name__)

EPILOG = """\
examples:
  serl-virtual fci                                    a Panda without gripper on 127.0.0.1
  serl-virtual fci --arm fr3 --host 127.0.0.2         a second arm; libfranka always uses port 1337
  serl-virtual fci --task pick-cube --control /tmp/fci.sock
  serl-virtual fci --arm fr3 --replay fr3.trace       the states that a real arm has sent, for libfranka to read

Connect any libfranka 0.18 or later to the address, with RealtimeConfig.Ignore where the kernel is no real-time one.
libfranka raises its thread to real-time priority 99 where it has the right, and so does this process, to a lower one.
Where only the client may do so it can starve this process on few cores; take the right from the client then:
setpriv --bounding-set -sys_nice --inh-caps -sys_nice COMMAND

exit codes: 0 stopped by a signal, 1 the address cannot be served, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = _parser().parse_args(arguments)
    log_to_stderr(options.log_level)
    try:
        server = _server(options)
        raise_priority(options.priority)
    except (NotFoundError, TraceError, ConfigError, ValueError) as error:
        print(f"serl-virtual fci: {error}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(f"serl-virtual fci: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"serl-virtual fci: {options.host}:{options.port} cannot be served: {error}", file=sys.stderr)
        return 1
    address = f"{options.host}:{server.link.port}"
    with StopSignal() as stop, announced(options.ready_file, address):
        stop.on_stop(server.stop)
        logger.info("virtual %s listening on %s", options.arm, address)
        server.run()
    return 0


def _server(options: argparse.Namespace) -> FciServer | ReplayServer:
    if options.replay is not None:
        return ReplayServer(options.replay, ARMS[options.arm], options.host, options.port)
    return FciServer(
        ServerOptions(
            table=ARMS[options.arm],
            host=options.host,
            port=options.port,
            task=options.task,
            seed=options.seed,
            version=options.server_version,
            lost_packet_limit=options.lost_packet_limit,
            log_file=options.log,
            control_socket=options.control,
            imperfections=chosen_imperfections(options),
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "serl-virtual fci",
        "A virtual Franka arm behind the network protocol of the real one, for unmodified libfranka.",
        EPILOG,
    )
    parser.add_argument("--arm", choices=sorted(ARMS), default="panda", help="which arm (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="TCP port (%(default)s; libfranka knows no other)")
    parser.add_argument(
        "--task", default=NO_TASK, metavar="NAME", help="scene with gripper and props, or none (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the scene (%(default)s)")
    parser.add_argument("--server-version", type=int, default=VERSION, help="version to speak (%(default)s)")
    parser.add_argument(
        "--lost-packet-limit",
        type=int,
        default=LOST_PACKET_LIMIT,
        metavar="N",
        help="missing commands in a row that stop a motion (%(default)s, as on the real arm)",
    )
    parser.add_argument(
        "--priority",
        type=_priority,
        metavar="N",
        help=f"real-time priority 1 to 99 of this process, 0 for none (default: {AUTOMATIC_PRIORITY} if it is allowed)",
    )
    add_imperfections(parser)
    add_ready_file(parser)
    parser.add_argument("--log", type=Path, metavar="FILE", help="memory-mapped log of every cycle")
    parser.add_argument("--control", type=Path, metavar="SOCKET", help="Unix socket for injections and ground truth")
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="TRACE",
        help="serve the states of a trace of `robot-daemon record-trace` in place of a virtual arm; nothing moves it",
    )
    add_log_level(parser)
    return parser


def _priority(text: str) -> int:
    priority = int(text)
    if not 0 <= priority <= 99:
        raise argparse.ArgumentTypeError(f"{priority} is no priority; choose 0 to 99")
    return priority


if __name__ == "__main__":
    sys.exit(main())
