"""Renders the systemd unit and the udev rules of a cell, and writes them where they take effect."""

import contextlib
import grp
import math
import pwd
import re
import shlex
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TextIO

from robot_daemon.api.server import CLOSE_LIMIT_S, REST_LIMIT_S
from robot_daemon.config.cell_config import DaemonConfig
from serl_api.lifetime.whole_file import written_whole

UNIT = "robot-daemon.service"
RULES = "60-serl-robot.rules"
FOLDERS: Mapping[str, Path] = {UNIT: Path("/etc/systemd/system"), RULES: Path("/etc/udev/rules.d")}
"""Where a machine's own units and rules lie."""

SERIAL_GROUPS = ("dialout", "uucp")
"""Groups that own serial ports, by distribution."""

USB_GROUPS = ("plugdev", "video")
"""Groups for cameras and input devices, by distribution."""

TEMPORARY = ("/tmp", "/var/tmp")
"""Folders of which a service with PrivateTmp has its own."""

_CPUS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


class InstallError(Exception):
    """Raised when a file cannot be written; the message is one sentence for people."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """Holds what the rendered files depend on."""

    command: tuple[str, ...]
    """How the daemon is started, absolute."""
    prefix: str
    """Where the interpreter's own files lie."""
    groups: frozenset[str]
    """Groups of the machine."""
    users: frozenset[str]
    """Accounts of the machine."""


def this_host() -> Host:
    """Describes the machine and the Python environment that this process runs in."""
    script = Path(sys.executable).with_name("robot-daemon")
    command = (str(script),) if script.exists() else (sys.executable, "-m", "robot_daemon")
    return Host(
        command=command,
        prefix=sys.base_prefix,
        groups=frozenset(group.gr_name for group in grp.getgrall()),
        users=frozenset(user.pw_name for user in pwd.getpwall()),
    )


def install_unit(
    config: DaemonConfig,
    config_path: Path,
    *,
    user: str,
    cpus: str | None = None,
    output: str | None,
    force: bool,
    out: TextIO,
    host: Host | None = None,
) -> None:
    """Writes both files and says what to do next.

    Args:
        config: The cell, checked.
        config_path: Its file.
        user: Account that the daemon runs as.
        cpus: Cores that it keeps to, such as "2-5"; None for all.
        output: A folder for both, "-" for `out`; None is where systemd and udev look.
        force: Whether to replace files that differ.
        out: Gets the files or the next steps.
        host: Of this process when left out.

    Raises:
        InstallError: The user or a path cannot be used, a file differs, or may not be written.
    """
    host = host or this_host()
    rendered = {UNIT: render_unit(config, config_path.resolve(), user, host, cpus), RULES: render_rules(host)}
    if output == "-":
        for name, text in rendered.items():
            out.write(f"# ---- {FOLDERS[name] / name}\n{text}\n")
        return
    written = []
    for name, text in rendered.items():
        folder = FOLDERS[name] if output is None else Path(output)
        if output is None:
            with contextlib.suppress(OSError):  # `_write` says what is wrong.
                folder.mkdir(parents=True, exist_ok=True)  # A machine without rules of its own may lack it.
        out.write(f"{_write(folder / name, text, force=force)} {folder / name}\n")
        written.append(folder / name)
    for path in (Path(host.command[0]).resolve(), Path(host.prefix, "bin"), config_path.resolve()):
        closed = closed_folder(path, user)
        if closed is not None:
            out.write(f"warning: {closed} is closed to the account {user}, so the service cannot reach {path}\n")
    out.write("\n".join(["", "next steps", *_next_steps(user, host, written, is_in_place=output is None)]) + "\n")


def render_unit(config: DaemonConfig, config_path: Path, user: str, host: Host, cpus: str | None = None) -> str:
    """Renders the systemd unit.

    Raises:
        InstallError: A user, path or core that systemd would misread, or that the unit could not reach.
    """
    if cpus is not None and not _CPUS.fullmatch(cpus):
        raise InstallError(f'--cpus "{cpus}" names no cores; give numbers and ranges, such as 2-5 or 2,3')
    if not _USER.fullmatch(user):
        raise InstallError(f'--user "{user}" is no account name; use lower-case letters, digits, - and _')
    paths = [Path(host.command[0]), Path(host.prefix), config_path]
    for path in paths:
        if any(path.is_relative_to(folder) for folder in TEMPORARY):
            raise InstallError(f"{path} is a temporary path, which the service cannot see; move it to /opt or /etc")
    for word in (*host.command, str(config_path)):
        if re.search(r"[\s\"'\\%$]", word):
            raise InstallError(f"{word} has a space or a sign that systemd gives a meaning; choose a plain path")
    at_home = any(path.is_relative_to("/home") or path.is_relative_to("/root") for path in paths)
    wanted = (*SERIAL_GROUPS, *USB_GROUPS)
    stop_s = math.ceil(config.server.drain_grace_s + REST_LIMIT_S + CLOSE_LIMIT_S) + 3
    return _fill(
        UNIT,
        AFFINITY="# All cores; `install-unit --cpus 2-5` keeps it to some." if cpus is None else f"CPUAffinity={cpus}",
        CELL=re.sub(r"[\s%]+", " ", config.name),
        COMMAND=shlex.join(host.command),
        CONFIG=str(config_path),
        GROUPS=" ".join(group for group in wanted if group in host.groups),
        PROTECT_HOME="read-only" if at_home else "yes",
        STOP_SECONDS=str(stop_s),
        USER=user,
    )


def render_rules(host: Host) -> str:
    """Renders the udev rules."""
    return _fill(
        RULES,
        SERIAL_GROUP=_first(SERIAL_GROUPS, host.groups),
        USB_GROUP=_first(USB_GROUPS, host.groups),
    )


def closed_folder(path: Path, user: str) -> Path | None:
    """Finds the folder on the way to a file that others may not enter; None when there is none, or it is the user's."""
    for folder in reversed(path.parents):
        try:
            status = folder.stat()
        except OSError:
            return folder
        if not status.st_mode & stat.S_IXOTH and user not in ("root", _owner(status.st_uid)):
            return folder
    return None


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _fill(template: str, **values: str) -> str:
    text = files("robot_daemon.operations").joinpath(template).read_text(encoding="utf-8")
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _first(wanted: Iterable[str], present: frozenset[str]) -> str:
    """Returns the first group that exists; root's own when none does."""
    return next((group for group in wanted if group in present), "root")


def _write(path: Path, text: str, *, force: bool) -> str:
    """Writes a file, whole or not at all; returns what was done."""
    try:
        if path.exists():
            if path.read_text(encoding="utf-8") == text:
                return "unchanged"
            if not force:
                raise InstallError(f"{path} exists and differs; look at both, then say --force to replace it")
        with written_whole(path, mode=0o644) as file:
            file.write(text.encode())
    except OSError as error:
        hint = "run it with sudo, or write to a folder with --output" if isinstance(error, PermissionError) else ""
        hint = hint or "give an existing folder with --output, or - to print"
        raise InstallError(f"{path} cannot be written ({error.strerror}); {hint}") from None
    return "wrote"


def _next_steps(user: str, host: Host, written: list[Path], *, is_in_place: bool) -> list[str]:
    steps = []
    if not is_in_place:
        steps.append(f"  sudo install -m 644 {written[0]} {FOLDERS[UNIT]}/  # Where systemd looks.")
        steps.append(f"  sudo install -m 644 {written[1]} {FOLDERS[RULES]}/  # Where udev looks.")
    if user not in host.users:
        steps.append(f"  sudo useradd --system --shell /usr/sbin/nologin {user}  # The account does not exist yet.")
    steps += [
        "  sudo udevadm control --reload && sudo udevadm trigger  # Permissions of gripper and cameras.",
        "  sudo systemctl daemon-reload",
        "  sudo systemctl enable --now robot-daemon  # Starts now and with the machine. Nothing moves.",
        "  systemctl status robot-daemon",
        "  journalctl -u robot-daemon -o cat -f  # The log, one JSON object a line.",
    ]
    return steps
