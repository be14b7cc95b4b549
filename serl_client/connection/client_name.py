"""Names a client to others who want the same arm."""

from __future__ import annotations

import getpass
import os
import socket


def default_client_name() -> str:
    """Names the user, host and process, such as "ada@lab-pc (pid 4711)"."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()} (pid {os.getpid()})"[:128]
