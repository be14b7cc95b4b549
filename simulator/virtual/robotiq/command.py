"""Implements `serl-virtual robotiq`: a virtual Robotiq gripper on a serial port, or over TCP, until a signal."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulator.command_line import add_ready_file, command_parser
from simulator.virtual.fingers import Fingers, RigidFingers
from simulator.virtual.gripper_actions import gripper_actions, number
from simulator.virtual.robotiq.firmware import TWO_FINGER_85, TWO_FINGER_140
from simulator.virtual.robotiq.server import VirtualRobotiq
from simulator.virtual.scene_fingers import SceneFingers
from simulator.virtual.serving import Action, serve_until_signal

EPILOG = """\
prints the port for the key `port` of the cell's file, then obeys what is typed:
  object WIDTH   an object of WIDTH metres comes between the fingers; `object none` takes it away
  fault CODE     the gripper reports fault CODE (0 to 15); 0 ends it
  unplug, plug   the port vanishes and returns
  silent, answer the gripper stops answering and begins again
  power          the gripper loses its power for a moment, and with it its activation

examples:
  serl-virtual robotiq --link /tmp/ttyRobotiq      a serial port of that name
  serl-virtual robotiq --tcp 127.0.0.1:54321       RTU over TCP instead
  serl-virtual robotiq --fci /tmp/fci.sock         the fingers of a virtual arm's scene

exit codes: 0 stopped by a signal, 1 the port cannot be served, 2 wrong usage
"""
_MODELS = {"2f-85": TWO_FINGER_85, "2f-140": TWO_FINGER_140}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    tcp = None
    if options.tcp is not None:
        host, colon, number = options.tcp.rpartition(":")
        if not (colon and host and number.isdecimal() and int(number) < 65536):
            parser.error(f"--tcp is {options.tcp}; it is written HOST:PORT, and port 0 picks one")
        tcp = (host, int(number))
    if not 1 <= options.slave_id <= 247:
        parser.error(f"--slave-id is {options.slave_id}; it must be in [1, 247]")
    ratings = _MODELS[options.model]
    try:
        fingers = SceneFingers(options.fci, ratings.stroke) if options.fci else RigidFingers(ratings.stroke)
        virtual = VirtualRobotiq(fingers, ratings=ratings, slave_id=options.slave_id, link=options.link, tcp=tcp)
        serve_until_signal(virtual, lambda: virtual.port, _actions(virtual, fingers), options.ready_file)
    except OSError as error:
        sys.stderr.write(f"serl-virtual robotiq: {error}\n")
        return 1
    return 0


def _actions(virtual: VirtualRobotiq, fingers: Fingers) -> Mapping[str, Action]:
    return {
        **gripper_actions(virtual, fingers),
        "fault": lambda text: virtual.firmware.set_fault(int(number(text, 0, 15))),
        "power": lambda _: virtual.firmware.switch_off_and_on(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("serl-virtual robotiq", "A virtual Robotiq gripper that answers Modbus RTU.", EPILOG)
    parser.add_argument("--link", type=Path, metavar="PATH", help="name of the serial port (default: a new one)")
    parser.add_argument("--tcp", metavar="HOST:PORT", help="serve RTU over TCP instead of a serial port")
    parser.add_argument("--model", choices=sorted(_MODELS), default="2f-85", help="which gripper (%(default)s)")
    parser.add_argument("--slave-id", type=int, default=9, metavar="N", help="Modbus address (%(default)s)")
    parser.add_argument("--fci", type=Path, metavar="SOCKET", help="control socket of a virtual arm with a scene")
    add_ready_file(parser)
    return parser
