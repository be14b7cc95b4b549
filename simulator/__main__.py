"""Runs the command line `serl-sim`: build a task's scene, serve it like a robot until a signal."""

import argparse
import contextlib
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import ServerConfig
from robot_daemon.operations.lifecycle import serve_until_signal
from serl_api.enums import Pacing
from serl_api.errors.robot import NotFoundError
from serl_api.plugins import PluginError
from serl_api.progress import Progress
from serl_api.server import ServeError
from serl_api.settings import ConfigError
from simulator.api.server import build_servers
from simulator.command_line import add_log_level, add_ready_file, command_parser, log_to_stderr
from simulator.devices.cell import LIMITS
from simulator.model.arm_table import ARMS
from simulator.scene.finding import usable_scenes

EPILOG = """\
examples:
  serl-sim                                       pick-cube on 127.0.0.1:50051, in lockstep, seed 0
  serl-sim --pacing real-time                    the same as a robot would behave: time passes by itself
  serl-sim --address unix:/tmp/sim.sock          a private simulator for one client
  serl-sim --task hand-over --address 127.0.0.1:50051,127.0.0.1:50061
                                                 two arms of one scene, the left one's cell at the first address
  serl-sim --list-tasks                          the tasks, one a line
  serl-robot watch --address 127.0.0.1:50051     look at it from another terminal

In lockstep, time passes only inside a request: a run is as fast as the CPU allows, and the same seed with the same
actions gives the same observations to the bit. Cameras draw with OpenGL (EGL, else OSMesa; MUJOCO_GL picks one), and
only when a frame is asked for.

exit codes: 0 stopped by a signal, 1 the address cannot be served, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = _parser().parse_args(arguments)
    if options.list_tasks:
        for name, scene in usable_scenes().items():
            print(f"{name}\t{scene.text}")
        return 0
    log_to_stderr(options.log_level)
    try:
        with Progress(say=logging.getLogger("simulator").info).phase(f"building the scene of {options.task}"):
            servers = build_servers(
                options.task,
                Pacing[options.pacing.replace("-", "_").upper()],
                options.seed,
                arm=options.arm,
                limits=replace(LIMITS, interpolates_targets=options.interpolate, wrench_control=options.wrench_control),
                config=ServerConfig(
                    address=options.address,
                    insecure=options.insecure,
                    tls_certificate=options.tls_certificate,
                    tls_key=options.tls_key,
                    tls_client_ca=options.tls_client_ca,
                    token_file=options.token_file,
                ),
            )
        _serve(servers, options.ready_file)
    except (NotFoundError, ConfigError, PluginError) as error:
        print(f"serl-sim: {error}", file=sys.stderr)
        return 2
    except ServeError as error:
        print(f"serl-sim: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(servers: Sequence[DaemonServer], ready_file: Path | None) -> None:
    """Serves the cell of each arm until a signal."""
    first, *others = servers
    with contextlib.ExitStack() as stack:
        addresses = []
        for other in others:
            addresses.append(other.start())
            stack.callback(other.stop)
        serve_until_signal(first, ready_file=ready_file, others=addresses)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "serl-sim", "Simulates a robot cell and serves it over gRPC, by the same API as a real one.", EPILOG
    )
    parser.add_argument(
        "--task",
        default="pick-cube",
        metavar="NAME",
        help="what to simulate: a name of --list-tasks, or package.module:class (%(default)s)",
    )
    parser.add_argument("--list-tasks", action="store_true", help="list the tasks, then exit")
    parser.add_argument("--arm", default="panda", metavar="NAME", help=f"{' or '.join(sorted(ARMS))} (%(default)s)")
    parser.add_argument(
        "--address",
        default="127.0.0.1:50051",
        help="host:port (port 0 picks one) or unix:/path; for two arms two, the left one's first (%(default)s)",
    )
    parser.add_argument(
        "--pacing",
        choices=["lockstep", "real-time"],
        default="lockstep",
        help="who makes time pass: the requests, or the clock (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the first scene and of those after it (0)")
    parser.add_argument("--interpolate", action="store_true", help="as a cell with interpolates_targets")
    parser.add_argument("--wrench-control", action="store_true", help="as a cell with wrench_control: clients may push")
    add_ready_file(parser)
    parser.add_argument("--insecure", action="store_true", help="serve beyond loopback without TLS and token")
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE", help="PEM file with the certificate chain")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM file with the private key")
    parser.add_argument(
        "--tls-client-ca", type=Path, metavar="FILE", help="PEM file with the certificate that signed those of clients"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token that clients must send")
    add_log_level(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
