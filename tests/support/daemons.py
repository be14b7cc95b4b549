"""Daemons over fake devices, on a free port of loopback."""

from dataclasses import replace
from types import SimpleNamespace

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from serl_api.enums import Pacing


def serve(address="127.0.0.1:0", pacing=Pacing.LOCKSTEP, limits=None, name="fake", **options):
    """A daemon over fake devices: `address`, `fake`, `core`, `stop()`."""
    fake = build_fake_cell(pacing=pacing)
    config = ServerConfig(address=address, drain_grace_s=0.1, **options)
    server = DaemonServer(replace(fake.cell, name=name), config, limits or LimitsConfig())
    return SimpleNamespace(address=server.start(), fake=fake, core=server.core, stop=server.stop, close=server.stop)
