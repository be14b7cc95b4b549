"""How much memory this process holds."""

import os
from pathlib import Path


def resident_bytes():
    """Resident memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
