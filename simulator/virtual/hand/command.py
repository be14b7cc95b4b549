"""Implements `serl-virtual hand`: a virtual Franka Hand on TCP port 1338 of an address, until a signal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from simulator.command_line import add_ready_file, command_parser
from simulator.virtual.fingers import RigidFingers
from simulator.virtual.gripper_actions import gripper_actions
from simulator.virtual.hand.protocol import PORT
from simulator.virtual.hand.server import STROKE, VirtualHand
from simulator.virtual.scene_fingers import SceneFingers
from simulator.virtual.serving import serve_until_signal

EPILOG = """\
prints the address for the key `host` of the cell's file, then obeys what is typed:
  object WIDTH   an object of WIDTH metres comes between the fingers; `object none` takes it away
  unplug, plug   the connection breaks and new ones are refused; and are accepted again
  silent, answer states stop coming and come again

libfranka knows no other port than 1338, so two hands need two addresses, such as 127.0.0.1 and 127.0.0.2.

exit codes: 0 stopped by a signal, 1 the address cannot be served, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        fingers = SceneFingers(options.fci, STROKE) if options.fci else RigidFingers(STROKE)
    except OSError as error:
        sys.stderr.write(f"serl-virtual hand: {error}\n")
        return 1
    virtual = VirtualHand(options.host, fingers, is_homed=not options.not_homed)
    try:
        serve_until_signal(virtual, lambda: virtual.host, gripper_actions(virtual, fingers), options.ready_file)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        sys.stderr.write(f"serl-virtual hand: cannot serve {options.host}:{PORT} ({reason})\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("serl-virtual hand", "A virtual Franka Hand that libfranka connects to.", EPILOG)
    parser.add_argument("--host", default="127.0.0.1", help="address to serve (%(default)s)")
    parser.add_argument("--not-homed", action="store_true", help="begin as after switching on: homing comes first")
    parser.add_argument("--fci", type=Path, metavar="SOCKET", help="control socket of a virtual arm with a scene")
    add_ready_file(parser)
    return parser
