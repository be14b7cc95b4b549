"""Lets one process at a time own a device, by a locked file that the kernel releases when the process ends."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from robot_daemon.hardware.devices import DeviceConnectError

SHARED_DIRECTORY = Path("/run/lock")
"""Where every account of a machine may lock; others see what lies there."""
FOLDER = "serl-robot"


class DeviceHeldError(DeviceConnectError):
    """Raised when another process owns a device; one sentence with the process, its cell's file and the device."""


class DeviceLock:
    """Owns a device until `close`, or until the process ends, however it does.

    Args:
        kind: What the device is, such as "arm" or "camera".
        identity: Which one, such as "172.16.0.2".
        owner: What the sentence of a refusal says of this process, such as the file of its cell.
        directory: Where the locks lie; `lock_directory()` when left out.

    Raises:
        DeviceHeldError: Another process owns it, or another cell of this one.
        DeviceConnectError: The lock cannot be written.
    """

    def __init__(self, kind: str, identity: str, owner: str, directory: Path | None = None) -> None:
        self._device = f"{kind} {identity}"
        path = (directory or lock_directory()) / _file_name(self._device)
        try:
            self._file = _open(path)
        except OSError as error:
            text = f"the {self._device} cannot be claimed: {path} cannot be opened ({error.strerror})"
            raise DeviceConnectError(f"{text}; mend the permissions of that file") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(self._file)
            os.close(self._file)
            raise DeviceHeldError(f"the {self._device} is held by {holder}; end that one first") from None
        self._note({"pid": os.getpid(), "owner": owner, "device": self._device})

    def close(self) -> None:
        """Lets go of the device."""
        self._note({})
        os.close(self._file)

    def _note(self, holder: Mapping[str, object]) -> None:
        """Writes who holds the device; another account's file can be locked, but not written."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(holder).encode(), 0)


def lock_directory(environment: Mapping[str, str] | None = None, shared: Path = SHARED_DIRECTORY) -> Path:
    """Finds where locks lie: in a folder of the whole machine, else of the user, else of temporary files.

    Args:
        environment: Variables of the environment; those of the process when left out.
        shared: Folder that every account may write.
    """
    environment = os.environ if environment is None else environment
    user = environment.get("XDG_RUNTIME_DIR", "")
    for parent in (shared, *([Path(user)] if user else []), Path(tempfile.gettempdir())):
        folder = parent / FOLDER
        with contextlib.suppress(OSError):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                folder.chmod(0o1777)  # Whatever the umask: every account locks here, none removes another's file.
            if os.access(folder, os.W_OK):
                return folder
    return Path(tempfile.gettempdir())


def _file_name(device: str) -> str:
    """Returns a name that can be read and is another one for every device."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", device).strip("-")[:80]
    return f"{plain}.{hashlib.sha256(device.encode()).hexdigest()[:8]}.lock"


def _open(path: Path) -> int:
    """Opens a lock's file, and makes it for every account where there is none."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        made = os.open(path, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        try:
            return os.open(path, flags | os.O_RDWR)
        except PermissionError:
            return os.open(path, flags | os.O_RDONLY)
    os.fchmod(made, 0o666)
    return made


def _holder(file: int) -> str:
    try:
        holder = json.loads(os.pread(file, 4096, 0))
        return f"process {holder['pid']} ({holder['owner']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
