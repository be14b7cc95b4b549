"""Implements `serl-virtual cell`: a whole virtual cell with the real robot daemon in front, until a signal."""

import argparse
import contextlib
import sys
from collections.abc import Sequence

from serl_api.lifetime.ready_file import announced
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_api.settings import ConfigError
from simulator.command_line import add_ready_file, command_parser
from simulator.model.arm_table import ARMS
from simulator.scene.finding import scene_names
from simulator.virtual.cell import VirtualCell
from simulator.virtual.imperfections import add_imperfections, chosen_imperfections

EPILOG = """\
Starts a virtual arm that libfranka connects to, a virtual Robotiq that answers Modbus, cameras that see the scene
through librealsense, and `robot-daemon` with its real drivers in front of them. Time is real: 10 Hz takes 10 Hz.

examples:
  serl-virtual cell --address 127.0.0.1:50051          then, elsewhere: serl-robot status --address 127.0.0.1:50051
  serl-virtual cell --camera front --camera wrist      for a policy that sees
  serl-train evaluate --checkpoint runs/pick-cube --robot 127.0.0.1:50051 --episodes 20

exit codes: 0 stopped by a signal, 1 a part did not start, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        imperfections = chosen_imperfections(options)
    except ConfigError as error:
        sys.stderr.write(f"serl-virtual cell: {error}\n")
        return 2
    cell = VirtualCell(
        task=options.task,
        arm=options.arm,
        address=options.address,
        cameras=options.camera,
        recordings=options.recording,
        camera_size=options.camera_size,
        camera_rate_hz=options.camera_rate_hz,
        imperfections=imperfections,
        seed=options.seed,
        wrench_control=options.wrench_control,
    )
    try:
        with contextlib.ExitStack() as alive:
            stop = alive.enter_context(StopSignal())
            with Progress().phase("starting the virtual cell") as phase:
                phase.report(note=lambda: cell.starting)
                alive.enter_context(cell)
            sys.stdout.write(f"{cell.address}\n")
            sys.stdout.flush()
            sys.stderr.write(f"configuration and logs are in {cell.folder} while the cell lives\n")
            with announced(options.ready_file, cell.address):
                while cell.daemon.poll() is None and not stop.wait(0.1):
                    pass
            if stop.is_set():
                return 0
            sys.stderr.write(f"serl-virtual cell: the daemon ended:\n{cell.daemon.log()}\n")
            return 1
    except RuntimeError as error:
        sys.stderr.write(f"serl-virtual cell: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "serl-virtual cell", "A whole virtual cell: the real daemon and drivers in front of virtual hardware.", EPILOG
    )
    parser.add_argument("--task", choices=scene_names(), default="pick-cube", help="scene (default: %(default)s)")
    parser.add_argument("--arm", choices=sorted(ARMS), default="panda", help="which arm (default: %(default)s)")
    parser.add_argument("--address", default="127.0.0.1:50051", metavar="HOST:PORT", help="(default: %(default)s)")
    parser.add_argument(
        "--camera", action="append", default=[], metavar="NAME", help="adds a camera of the scene, rendered live"
    )
    parser.add_argument(
        "--camera-size", type=int, default=128, metavar="PX", help="of live pictures, square (default: %(default)s)"
    )
    parser.add_argument(
        "--camera-rate-hz", type=int, default=15, metavar="HZ", help="of live cameras, at best (default: %(default)s)"
    )
    parser.add_argument(
        "--recording", action="append", default=[], metavar="NAME", help="adds a camera that plays a recording"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the scene (default: %(default)s)")
    parser.add_argument("--wrench-control", action="store_true", help="lets clients push with a wrench")
    add_imperfections(parser)
    add_ready_file(parser)
    return parser
