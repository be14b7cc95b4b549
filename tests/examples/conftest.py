"""A daemon for the examples, started as a user starts one."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

CELL = """
[arm]
driver = "fake"
[gripper]
driver = "fake"
[cameras.front]
driver = "fake"
[server]
address = "127.0.0.1:0"
drain_grace_s = 0.1
"""


def lines_until(lines, text):
    """Lines up to the first that holds the text, or all of them."""
    for line in lines:
        yield line
        if text in line:
            return


@pytest.fixture
def examples():
    """The folder of the examples."""
    return EXAMPLES


@pytest.fixture
def run_example():
    """Runs a file of `examples/` with the suite's Python and returns what it printed; warnings are errors there too."""

    def run(name, *arguments, timeout_s=50):
        command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


@pytest.fixture
def fake_daemon(tmp_path, monkeypatch):
    """Address of a daemon over fake devices, in real time."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config, ready = tmp_path / "cell.toml", tmp_path / "ready"
    config.write_text(CELL)
    command = [sys.executable, "-m", "robot_daemon", "--config", str(config), "--ready-file", str(ready)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            said = list(lines_until(daemon.stderr, "listening on"))
            assert "listening on" in said[-1], "".join(said)
            yield said[-1].split("listening on")[1].split()[0].strip(".,")
        finally:
            daemon.terminate()
