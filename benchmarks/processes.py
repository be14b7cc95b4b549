"""Child processes of benchmarks: started, waited for until ready, and ended by identifier."""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

DEADLINE_S = 60.0


@contextlib.contextmanager
def served(*command: str) -> Iterator[str]:
    """Runs `python <command> --ready-file F` and gives the address that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "address"
        child = subprocess.Popen([sys.executable, *command, "--ready-file", str(ready)], stderr=subprocess.DEVNULL)
        try:
            _wait(ready.exists, child)
            yield ready.read_text().strip()
        finally:
            _end(child)


@contextlib.contextmanager
def rival(name: str) -> Iterator[int]:
    """Runs one of the rivals and gives its port."""
    command = [sys.executable, "-m", "benchmarks.rivals", name]
    if name == "flask":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        child = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        port = int(child.stdout.readline())
    try:
        _wait(lambda: _accepts(port), child)
        yield port
    finally:
        _end(child)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def _wait(condition, child: subprocess.Popen) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if child.poll() is not None:
            raise RuntimeError(f"{child.args} ended with exit code {child.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{child.args} was not ready within {DEADLINE_S:g} s")
        time.sleep(0.02)


def _end(child: subprocess.Popen) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
