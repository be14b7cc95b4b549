"""Records where and when a file of a run was made."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


def versions() -> dict[str, str]:
    """Returns the versions that a result depends on, and the revision of the source if it is a git checkout."""
    import platform
    from importlib import metadata

    packages = {name: metadata.version(name) for name in ("serl-robot", "torch", "numpy", "gymnasium")}
    return {"python": platform.python_version(), **packages, "git_revision": _git_revision()}


def timestamp() -> str:
    """Returns the time in UTC, as ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _git_revision() -> str:
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
