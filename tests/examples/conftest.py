"""A daemon for the examples, started as a user starts one."""

import contextlib
import os
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

    def run(name, *arguments, timeout_s=150):
        command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


@contextlib.contextmanager
def serve(cell, folder, cwd=None):
    """Runs a daemon over a cell's text, with its files in a folder; yields its address."""
    config = folder / "cell.toml"
    config.write_text(cell)
    command = [sys.executable, "-m", "robot_daemon", "--config", str(config)]
    environment = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment) as daemon:
        try:
            said = list(lines_until(daemon.stderr, "listening on"))
            assert "listening on" in said[-1], "".join(said)
            yield said[-1].split("listening on")[1].split()[0].strip(".,")
        finally:
            daemon.terminate()


@pytest.fixture
def fake_daemon(tmp_path):
    """Address of a daemon over fake devices, in real time."""
    with serve(CELL, tmp_path) as address:
        yield address


@pytest.fixture(scope="module")
def own_arm_daemon(tmp_path_factory):
    """Address of a daemon over the cell of `own_arm_driver/`, run from that folder as its README says."""
    folder = EXAMPLES / "own_arm_driver"
    cell = (folder / "cell.toml").read_text().replace(":50051", ":0")
    with serve(cell, tmp_path_factory.mktemp("own-arm"), cwd=folder) as address:
        yield address
