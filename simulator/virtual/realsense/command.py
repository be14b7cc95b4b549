"""Implements `serl-virtual realsense-recording`: writes a file that the RealSense driver plays like a camera."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from serl_api.errors.robot import NotFoundError
from simulator.command_line import command_parser
from simulator.physics.rendering import RenderError
from simulator.virtual.realsense.pattern import draw_pattern
from simulator.virtual.realsense.recorder import Shot, VirtualCamera, record
from simulator.virtual.realsense.scenes import TaskScene

EPILOG = """\
in the cell's file:
  [cameras.wrist]
  driver = "realsense"
  recording = "wrist.db3"

examples:
  serl-virtual realsense-recording --out wrist.db3                    a pattern that shows its own frame number
  serl-virtual realsense-recording --out front.db3 --task pick-cube   what a camera of the simulator sees
  serl-virtual realsense-recording --out old.db3 --no-metadata --domain system    a camera that cannot stamp

Recording takes as long as the recording lasts: the file keeps when each frame was written.

exit codes: 0 written, 1 it cannot be written or drawn, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _require(parser, options)
    camera = VirtualCamera(
        serial=options.serial,
        width=options.width,
        height=options.height,
        rate_hz=options.rate_hz,
        has_depth=not options.task,
        domain=options.domain,
        has_metadata=not options.no_metadata,
        drift=options.drift_ppm * 1e-6,
    )
    count = max(1, round(options.duration_s * options.rate_hz))
    try:
        if options.task:
            with TaskScene(options.task, options.view, options.seed) as scene:
                camera = replace(camera, focal=scene.focal(camera.width, camera.height))
                shots = scene.shots(count, width=camera.width, height=camera.height, rate_hz=camera.rate_hz)
                written = record(options.out, camera, list(shots))  # Drawn first: drawing must not slow the pace.
        else:
            written = record(options.out, camera, _pattern(count, camera))
    except NotFoundError as error:
        sys.stderr.write(f"serl-virtual realsense-recording: {error}\n")
        return 2
    except (OSError, RenderError, RuntimeError) as error:
        sys.stderr.write(f"serl-virtual realsense-recording: {error}\n")
        return 1
    sys.stdout.write(f"{options.out}: {written} frames, {camera.width} x {camera.height} px at {camera.rate_hz} Hz\n")
    return 0


def _pattern(count: int, camera: VirtualCamera) -> Iterator[Shot]:
    for index in range(count):
        colour, depth = draw_pattern(index + 1, camera.width, camera.height)
        yield Shot(number=index + 1, middle_s=index / camera.rate_hz, colour=colour, depth=depth)


def _require(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    bounds = {"width": (16, 1920), "height": (16, 1080), "rate_hz": (1, 300), "duration_s": (0.1, 600.0)}
    for name, (lower, upper) in bounds.items():
        value = getattr(options, name)
        if not lower <= value <= upper:
            parser.error(f"--{name.replace('_', '-')} is {value:g}; it must be in [{lower:g}, {upper:g}]")
    if options.out.suffix != ".db3":
        parser.error(f"--out is {options.out}; it must end in .db3, the only format that librealsense records")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "serl-virtual realsense-recording",
        "Writes a recording of a RealSense that does not exist, for the real pipeline to play.",
        EPILOG,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write, ends in .db3")
    parser.add_argument("--task", default="", metavar="NAME", help="draw a task of the simulator instead of a pattern")
    parser.add_argument("--view", default="front", metavar="NAME", help="camera of that task (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of that task's scene (default: %(default)s)")
    parser.add_argument("--duration-s", type=float, default=5.0, metavar="S", help="length (default: %(default)s)")
    parser.add_argument("--width", type=int, default=640, metavar="PX", help="(default: %(default)s)")
    parser.add_argument("--height", type=int, default=480, metavar="PX", help="(default: %(default)s)")
    parser.add_argument("--rate-hz", type=int, default=30, metavar="HZ", help="frames a second (default: %(default)s)")
    parser.add_argument("--serial", default="900000000001", help="serial number (default: %(default)s)")
    parser.add_argument(
        "--domain", choices=("global", "hardware", "system"), default="global", help="clock of the stamps (%(default)s)"
    )
    parser.add_argument(
        "--no-metadata", action="store_true", help="leave the metadata out, as an unpatched kernel does"
    )
    parser.add_argument("--drift-ppm", type=float, default=0.0, metavar="PPM", help="what the camera's clock gains")
    return parser
