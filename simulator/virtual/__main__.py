"""Runs the command line `serl-virtual`: one subcommand for each device, imported when it is asked for."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from simulator.command_line import command_parser

COMMANDS: dict[str, tuple[str, str]] = {
    "cameras": ("live cameras of a virtual arm's scene", "simulator.virtual.realsense.live_command"),
    "cell": ("whole cell: the real daemon and drivers in front of all of these", "simulator.virtual.cell_command"),
    "fci": ("Franka arm behind the network protocol of the real one", "simulator.virtual.fci.__main__"),
    "hand": ("Franka Hand behind the protocol of libfranka's gripper", "simulator.virtual.hand.command"),
    "realsense-recording": (
        "file that the RealSense driver plays like a camera",
        "simulator.virtual.realsense.command",
    ),
    "robotiq": ("Robotiq gripper that answers Modbus RTU", "simulator.virtual.robotiq.command"),
}
"""Subcommands: what it is, and the module whose `main` takes the remaining arguments and returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words[:1])
    return importlib.import_module(COMMANDS[options.device][1]).main(words[1:])


def _parser() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:20} {text}" for name, (text, _) in sorted(COMMANDS.items()))
    parser = command_parser(
        "serl-virtual",
        "Virtual hardware that speaks the protocols of real devices.",
        f"devices:\n{lines}\n\nserl-virtual DEVICE --help explains one.",
    )
    parser.add_argument("device", choices=sorted(COMMANDS), help="which device")
    return parser


if __name__ == "__main__":
    sys.exit(main())
