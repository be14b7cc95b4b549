"""A daemon over fake devices in lockstep, as a process of its own."""

import argparse
from pathlib import Path

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.operations.lifecycle import serve_until_signal
from serl_api.enums import Pacing

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready-file", type=Path, required=True)
    cell = build_fake_cell(pacing=Pacing.LOCKSTEP).cell
    server = DaemonServer(cell, ServerConfig(address="127.0.0.1:0"), LimitsConfig())
    serve_until_signal(server, ready_file=parser.parse_args().ready_file)
