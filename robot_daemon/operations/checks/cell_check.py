"""Implements `robot-daemon check`: the host, then each device of the cell. Nothing moves."""

import socket
from typing import TextIO

from robot_daemon.config.cell_builder import device_options
from robot_daemon.config.cell_config import DaemonConfig
from robot_daemon.operations.black_box import default_directory
from robot_daemon.operations.checks.device_check import check_devices
from robot_daemon.operations.checks.finding import Finding, Verdict, table
from robot_daemon.operations.checks.host_check import check_host

ADDRESS_KEYS = ("host", "address", "ip")
"""Options of arms that hold a network address."""


def check_file(config: DaemonConfig) -> None:
    """Checks what can be known of a cell's file without connecting to anything.

    Raises:
        ConfigError: A driver that cannot be used, a missing library, a wrong option, or an address that is not safe.
    """
    config.server.require_safe(config.server.address)
    for where, device in config.devices().items():
        device_options(device, where)


def check_cell(config: DaemonConfig, out: TextIO) -> int:
    """Checks everything and writes a table as it goes.

    Returns:
        0 when the cell can be served, warnings included; 1 when something must be mended first.

    Raises:
        ConfigError: The file is wrong.
    """
    check_file(config)
    directory = config.black_box.directory or default_directory()
    host = check_host(
        arm_address=_arm_address(config),
        has_cameras=bool(config.cameras),
        directory=directory if config.black_box.seconds > 0.0 else None,
    )
    _say(out, "host", host)
    if _is_served(config.server.address):
        busy = Finding(
            "devices",
            Verdict.PROBLEM,
            f"a daemon serves {config.server.address} and holds the devices, so they were left alone",
            "stop it first, such as with: sudo systemctl stop robot-daemon",
        )
        _say(out, "devices", [busy])
        return 1
    devices = check_devices(config)
    _say(out, "devices", devices)
    problems = [finding for finding in (*host, *devices) if finding.verdict is Verdict.PROBLEM]
    warnings = [finding for finding in (*host, *devices) if finding.verdict is Verdict.WARNING]
    out.write(f"\n{len(problems)} to mend, {len(warnings)} to look at\n")
    return 1 if problems else 0


def _say(out: TextIO, title: str, findings: list[Finding]) -> None:
    out.write(f"{title}\n")
    for line in table(findings):
        out.write(f"  {line}\n")
    out.flush()


def _arm_address(config: DaemonConfig) -> str:
    options = config.arm.options
    return next((str(options[key]) for key in ADDRESS_KEYS if key in options), "")


def _is_served(address: str) -> bool:
    """Returns whether something answers at an address."""
    if address.startswith("unix-abstract:"):
        return _answers(socket.AF_UNIX, f"\0{address.removeprefix('unix-abstract:')}")
    if address.startswith("unix:"):
        return _answers(socket.AF_UNIX, address.removeprefix("unix:").removeprefix("//"))
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) == 0:
        return False
    local = {"0.0.0.0": "127.0.0.1", "[::]": "::1", "*": "127.0.0.1"}.get(host, host.strip("[]"))
    return _answers(socket.AF_INET6 if ":" in local else socket.AF_INET, (local, int(port)))


def _answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
