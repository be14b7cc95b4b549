"""Child processes: readiness, last words, draining, death with the parent."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serl_api.lifetime import parent_death
from serl_api.lifetime.child_process import ChildProcess, ProcessError, wait_for_file
from serl_api.lifetime.ready_file import write_ready_file
from serl_api.lifetime.stop_signal import StopSignal
from tests.support.waiting import wait_until

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
    with pytest.raises(ProcessError, match=r"not ready within 0\.05 s"):
        child.wait_for_file(tmp_path / "ready", StopSignal(), 0.05)
    child.stop()


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + FOREVER
PARENT = """
import pathlib, signal, sys, threading
from serl_api.lifetime.child_process import ChildProcess
folder = pathlib.Path(sys.argv[1])
def start():
    command = [sys.executable, "-c", sys.argv[2], str(folder / "ready")]
    child = ChildProcess("x", command, folder / "log", grace_s=0.5, folder=folder)
    (folder / "pid").write_text(str(child.pid))
thread = threading.Thread(target=start)
thread.start()
thread.join()
signal.pause()
"""
"""Starts a child from a thread, which then ends."""


@pytest.mark.parametrize("code", [FOREVER, STUBBORN], ids=["obedient", "stubborn"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_with_its_parent_but_not_with_the_thread_that_started_it(tmp_path, code, number):
    folder = tmp_path / "folder"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", PARENT, str(folder), code]) as parent:
        assert wait_for_file(folder / "ready", StopSignal(), WAIT_S)
        child = os.pidfd_open(int((folder / "pid").read_text()))
        assert not select.select([child], [], [], 0.2)[0]
        parent.send_signal(number)
    assert select.select([child], [], [], WAIT_S)[0]
    os.close(child)
    wait_until(lambda: not folder.exists())


def test_a_command_whose_parent_has_already_ended_never_starts(tmp_path):
    script = str(Path(parent_death.__file__))
    command = [sys.executable, "-c", FOREVER, str(tmp_path / "ready")]
    with subprocess.Popen(["true"]) as ended:
        pass
    for parent in (ended.pid, 1):  # Gone, or another process than the one that started it.
        done = subprocess.run([sys.executable, script, str(parent), "1", "", *command], timeout=WAIT_S, check=False)
        assert done.returncode == 1
    assert not (tmp_path / "ready").exists()


def test_a_command_that_does_not_exist_is_named(tmp_path):
    child = ChildProcess("thing", ["/nowhere/at-all"], tmp_path / "log")
    with pytest.raises(ProcessError, match="/nowhere/at-all cannot be run: No such file"):
        child.wait_for_file(tmp_path / "ready", StopSignal(), WAIT_S)


def test_a_ready_file_is_never_seen_half_written(tmp_path):
    write_ready_file(tmp_path / "ready", "127.0.0.1:1")
    assert (tmp_path / "ready").read_text() == "127.0.0.1:1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]
    assert not wait_for_file(tmp_path / "other", StopSignal(), 0.05)
