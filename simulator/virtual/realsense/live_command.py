"""Implements `serl-virtual cameras`: renders the scene of a virtual arm for the RealSense driver, until a signal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from simulator.command_line import add_log_level, add_ready_file, command_parser, log_to_stderr
from simulator.virtual.realsense.picture_server import PictureServer
from simulator.virtual.serving import serve_until_signal

EPILOG = """\
in the cell's file:
  [cameras.front]
  driver = "simulator.virtual.realsense.live_camera:build_camera"
  socket = "/tmp/cameras.sock"

example:
  serl-virtual fci --task pick-cube --control /tmp/fci.sock &
  serl-virtual cameras --fci /tmp/fci.sock --socket /tmp/cameras.sock

A machine that is too slow gives fewer frames a second, not older ones.

exit codes: 0 stopped by a signal, 1 there is no arm, or the socket cannot be served, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    log_to_stderr(options.log_level)
    for name, lower, upper in (("width", 16, 1920), ("height", 16, 1080), ("rate_hz", 1, 300)):
        value = getattr(options, name)
        if not lower <= value <= upper:
            parser.error(f"--{name.replace('_', '-')} is {value}; it must be in [{lower}, {upper}]")
    server = PictureServer(
        options.fci, options.socket, width=options.width, height=options.height, rate_hz=options.rate_hz
    )
    try:
        serve_until_signal(server, lambda: str(server.path), {}, options.ready_file)
    except OSError as error:
        sys.stderr.write(f"serl-virtual cameras: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "serl-virtual cameras", "Cameras that see the scene of a virtual arm, live, for the RealSense driver.", EPILOG
    )
    parser.add_argument("--fci", type=Path, required=True, metavar="SOCKET", help="control socket of the virtual arm")
    parser.add_argument("--socket", type=Path, required=True, metavar="SOCKET", help="where pictures are served")
    parser.add_argument("--width", type=int, default=128, metavar="PX", help="(default: %(default)s)")
    parser.add_argument("--height", type=int, default=128, metavar="PX", help="(default: %(default)s)")
    parser.add_argument("--rate-hz", type=int, default=15, metavar="HZ", help="frames a second (default: %(default)s)")
    add_ready_file(parser)
    add_log_level(parser)
    return parser
