"""What the command lines of the simulator and of virtual hardware share."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path


def command_parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Makes a parser whose epilog keeps its lines."""
    return argparse.ArgumentParser(
        prog=prog, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_ready_file(parser: argparse.ArgumentParser) -> None:
    """Adds the file that says that something is served, and where."""
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="gets the address once clients are answered")


def add_log_level(parser: argparse.ArgumentParser) -> None:
    """Adds how much is logged."""
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info")


def log_to_stderr(level: str) -> None:
    """Sends log lines to stderr."""
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
