"""Checks the robot PC: kernel, limits, processor, network, clock, USB, disk. Reads only."""

import ctypes
import fcntl
import os
import platform
import resource
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from robot_daemon.operations.checks.finding import Finding, Verdict

FREE_BYTES = 1_000_000_000
"""Free disk below which the check warns."""

GIGABIT = 1000
"""Speed of a network interface that the FCI asks for, Mbit/s."""

USB_3 = 5000
"""Slowest speed of USB 3, Mbit/s."""

REALTIME_PRIORITY = 99
"""Priority that libfranka gives to its control thread."""

_ADJTIMEX_ERROR = 5
"""Return value of adjtimex(2) for a clock that nothing synchronises (TIME_ERROR)."""

_SIOCGIFADDR = 0x8915
"""Request of netdevice(7): the address of an interface."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """Says where facts of the machine come from."""

    root: Path = Path("/")
    """Root of /sys."""
    limit: Callable[[int], tuple[int, int]] = resource.getrlimit
    """Soft and hard limit of a resource."""
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    """Whether this process runs as root, which no limit binds."""
    is_clock_synchronized: Callable[[], bool] = field(default=lambda: is_clock_synchronized())
    """Whether NTP or PTP steers the wall clock."""
    interface_to: Callable[[str], str] = field(default=lambda address: interface_to(address))
    """Name of the interface that leads to an address; empty when none does."""


def check_host(
    *, arm_address: str, has_cameras: bool, directory: Path | None, host: Host | None = None
) -> list[Finding]:
    """Looks at everything that a cell needs of its machine.

    Args:
        arm_address: Network address of the arm; empty when it has none.
        has_cameras: Whether the cell has cameras.
        directory: Where recordings of the black box go; None when there are none.
        host: Source of facts; this machine when left out.
    """
    host = host or Host()
    findings = [_kernel(host), _limits(host), _governor(host)]
    if arm_address:
        findings.append(_network(host, arm_address))
    findings.append(_clock(host))
    if has_cameras:
        findings.extend(_cameras_on_usb(host))
    findings.extend(_serial_latency(host))
    if directory is not None:
        findings.append(_disk(directory))
    return findings


def is_clock_synchronized() -> bool:
    """Returns whether NTP or PTP steers the wall clock, from adjtimex(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.adjtimex(ctypes.create_string_buffer(512)) != _ADJTIMEX_ERROR  # All zero: only reads.


def interface_to(address: str) -> str:
    """Finds the network interface that leads to an address; empty when there is no route."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # Sends nothing: a datagram socket only looks up its route.
            own = probe.getsockname()[0]
            for _, name in socket.if_nameindex():
                request = struct.pack("256s", name.encode()[:15])
                try:
                    answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
                except OSError:  # An interface without an address.
                    continue
                if socket.inet_ntoa(answer[20:24]) == own:
                    return name
    except OSError:
        return ""
    return ""


def _kernel(host: Host) -> Finding:
    release = f"Linux {platform.release()}"
    if _read(host.root / "sys/kernel/realtime") == "1":
        return Finding("kernel", Verdict.OK, f"{release}, real-time (PREEMPT_RT)")
    return Finding(
        "kernel",
        Verdict.WARNING,
        f"{release} is no real-time kernel: control cycles may come late, and 20 late ones in a row stop the arm",
        "install one (Debian: linux-image-rt-amd64, Ubuntu: sudo pro enable realtime-kernel), or set "
        'realtime = "ignore" for the arm to try without',
    )


def _limits(host: Host) -> Finding:
    priority = host.limit(resource.RLIMIT_RTPRIO)[1]
    memory = host.limit(resource.RLIMIT_MEMLOCK)[1]
    if host.is_root:
        return Finding("limits", Verdict.OK, "root has none")
    if _suffices(priority, REALTIME_PRIORITY):
        locked = "unlimited" if memory == resource.RLIM_INFINITY else f"{memory // 1024} KiB"
        return Finding("limits", Verdict.OK, f"real-time priority {_number(priority)}, locked memory {locked}")
    return Finding(
        "limits",
        Verdict.WARNING,
        f"this shell may not raise a thread above real-time priority {_number(priority)}; the arm needs "
        f"{REALTIME_PRIORITY}",
        "the service may (LimitRTPRIO=99); for a shell, write `@realtime - rtprio 99` and "
        "`@realtime - memlock unlimited` to /etc/security/limits.d/99-realtime.conf, join that group and log in again",
    )


def _governor(host: Host) -> Finding:
    governors = {
        _read(path) for path in host.root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    } - {""}
    if not governors:
        return Finding("processor", Verdict.OK, f"{os.cpu_count()} cores, frequency not controlled by this system")
    if governors == {"performance"}:
        return Finding("processor", Verdict.OK, f"{os.cpu_count()} cores, governor performance")
    return Finding(
        "processor",
        Verdict.WARNING,
        f"governor {', '.join(sorted(governors))}: cores slow down between control cycles",
        "sudo cpupower frequency-set --governor performance, and make it permanent",
    )


def _network(host: Host, address: str) -> Finding:
    name = host.interface_to(address)
    if not name:
        return Finding(
            "network",
            Verdict.PROBLEM,
            f"no network interface leads to the arm at {address}",
            "give the interface to the arm a fixed address in the arm's network, such as 172.16.0.1/24",
        )
    if name == "lo":
        return Finding("network", Verdict.OK, f"the arm at {address} is on this machine: a virtual one")
    folder = host.root / "sys/class/net" / name
    if (folder / "wireless").exists():
        return Finding(
            "network",
            Verdict.PROBLEM,
            f"{name}, which leads to the arm at {address}, is wireless; the control loop would lose packets",
            "connect the arm by cable, directly to a network card of this machine",
        )
    speed = _read(folder / "speed")
    state = _read(folder / "operstate")
    if state == "down":
        return Finding(
            "network", Verdict.PROBLEM, f"{name}, which leads to the arm at {address}, has no link", "check the cable"
        )
    if speed.isdecimal() and int(speed) < GIGABIT:
        text = f"{name} runs at {speed} Mbit/s; the arm asks for {GIGABIT}"
        return Finding("network", Verdict.WARNING, text, "use a gigabit card and cable, without a switch in between")
    return Finding("network", Verdict.OK, f"{name} leads to the arm at {address}, {speed or 'unknown'} Mbit/s")


def _clock(host: Host) -> Finding:
    if host.is_clock_synchronized():
        return Finding("clock", Verdict.OK, "the wall clock is synchronised")
    return Finding(
        "clock",
        Verdict.WARNING,
        "nothing synchronises the wall clock; logs of several machines will not match, and a correction makes it jump",
        "sudo timedatectl set-ntp true",
    )


def _cameras_on_usb(host: Host) -> Iterator[Finding]:
    """Checks the RealSense cameras that the USB bus lists, with their speed."""
    for device in sorted(host.root.glob("sys/bus/usb/devices/*")):
        product, speed = _read(device / "product"), _read(device / "speed")
        if _read(device / "idVendor") != "8086" or "realsense" not in product.lower():
            continue
        text = f"{product} at {device.name}, {speed} Mbit/s"
        if speed.replace(".", "").isdecimal() and float(speed) < USB_3:
            fix = "use a USB 3 port and the camera's own cable; over USB 2 large frames at full rate do not fit"
            yield Finding("usb", Verdict.WARNING, f"{text}: USB 2", fix)
        else:
            yield Finding("usb", Verdict.OK, text)


def _serial_latency(host: Host) -> Iterator[Finding]:
    """Checks FTDI serial adapters, whose latency timer delays each answer of a gripper."""
    for timer in sorted(host.root.glob("sys/bus/usb-serial/devices/*/latency_timer")):
        name, milliseconds = timer.parent.name, _read(timer)
        if milliseconds == "1":
            yield Finding("serial", Verdict.OK, f"{name}, latency timer 1 ms")
        else:
            text = f"{name} waits {milliseconds} ms before it passes an answer on"
            yield Finding("serial", Verdict.WARNING, text, "install the udev rules: robot-daemon install-unit")


def _disk(directory: Path) -> Finding:
    existing = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1e9:.1f} GB free for the black box in {directory}"
    return Finding.judged("disk", text, "delete something, or lower black_box.keep", is_fine=free >= FREE_BYTES)


def _suffices(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed


def _number(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)


def _read(path: Path) -> str:
    """Reads a small file; empty when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
