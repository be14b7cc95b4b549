"""A disk of a few megabytes, for tests of full and read-only disks; only where the machine lets one be mounted."""

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(path, size):
    """Mounts a file system in memory of `size` bytes; skips the test where that is not allowed."""
    path.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def make_read_only(path):
    """Remounts a small disk so that nothing can be written any more."""
    subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)


def fill(path: Path, free):
    """Leaves only so many bytes of a disk free; returns the file that takes the rest."""
    filler = path / "filler"
    filler.write_bytes(b"")
    rest = shutil.disk_usage(path).free - free
    if rest > 0:
        with contextlib.suppress(OSError):  # Somebody else took a part of it meanwhile.
            filler.write_bytes(bytes(rest))
    return filler


def make_writable(path):
    """Takes `make_read_only` back."""
    subprocess.run(["mount", "-o", "remount,rw", str(path)], check=True)
