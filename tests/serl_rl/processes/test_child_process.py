"""Child processes: readiness, last words, draining, death with the parent."""

import os
import select
import signal
import subprocess
import sys

import pytest

from serl_rl.errors import ProcessError
from serl_rl.processes.child_process import ChildProcess, wait_for_file, write_ready_file
from serl_rl.processes.stop_signal import StopSignal

WAIT_S = 10.0
FOREVER = "import signal, pathlib, sys; pathlib.Path(sys.argv[1]).write_text('here'); signal.pause()"


def spawn(tmp_path, code, *arguments):
    return ChildProcess("thing", [sys.executable, "-c", code, *arguments], tmp_path / "thing.log")


def test_a_child_is_waited_for_and_stopped(tmp_path):
    child = spawn(tmp_path, FOREVER, str(tmp_path / "ready"))
    child.wait_for_file(tmp_path / "ready", StopSignal(), WAIT_S)
    assert child.poll() is None
    assert child.stop() == -signal.SIGTERM


def test_a_child_that_fails_is_quoted(tmp_path):
    child = spawn(tmp_path, "import sys; sys.exit('the disk is full')")
    with pytest.raises(ProcessError, match="the thing ended with code 1: the disk is full"):
        child.wait_for_file(tmp_path / "ready", StopSignal(), WAIT_S)


def test_a_child_that_is_too_slow_is_named(tmp_path):
    child = spawn(tmp_path, FOREVER, str(tmp_path / "elsewhere"))
    with pytest.raises(ProcessError, match="not ready within 0 s"):
        child.wait_for_file(tmp_path / "ready", StopSignal(), 0.05)
    child.stop()


def test_a_child_dies_with_its_parent(tmp_path):
    ready, pid = tmp_path / "ready", tmp_path / "pid"
    code = (
        "import sys, pathlib, signal; from serl_rl.processes.child_process import ChildProcess;"
        f"child = ChildProcess('x', [sys.executable, '-c', {FOREVER!r}, {str(ready)!r}],"
        f"pathlib.Path({str(tmp_path)!r}) / 'l');"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid)); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        assert wait_for_file(ready, StopSignal(), WAIT_S)
        child = os.pidfd_open(int(pid.read_text()))
        parent.kill()
    assert select.select([child], [], [], WAIT_S)[0]
    os.close(child)


def test_a_ready_file_is_never_seen_half_written(tmp_path):
    write_ready_file(tmp_path / "ready", "127.0.0.1:1")
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]
    assert not wait_for_file(tmp_path / "other", StopSignal(), 0.05)
