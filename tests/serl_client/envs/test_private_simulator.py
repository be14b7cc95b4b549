import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest

from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.errors import PrivateSimulatorError
from tests.support.waiting import wait_until

READY = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('ready'); time.sleep(600)"
COMMAND = [sys.executable, "-c", READY, "{ready_file}"]


def has_ended(pid):
    """Waits, without polling by sleep, until a process that is not ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    import select

    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    ended = bool(poller.poll(10_000))
    os.close(descriptor)
    return ended


def test_it_starts_and_closes_and_leaves_nothing():
    simulator = PrivateSimulator("pick-cube", command=COMMAND)
    folder = Path(simulator.address.removeprefix("unix:")).parent
    child = simulator.pid
    assert folder.exists()
    assert simulator.is_running
    simulator.close()
    simulator.close()
    assert has_ended(child)
    assert not folder.exists()


def test_it_outlives_the_thread_that_started_it():
    started = []
    thread = threading.Thread(target=lambda: started.append(PrivateSimulator("pick-cube", command=COMMAND)))
    thread.start()
    thread.join()
    assert started[0].is_running
    started[0].close()


def test_a_child_that_fails_is_quoted():
    command = [sys.executable, "-c", "raise SystemExit('no such task: pick-cub')"]
    with pytest.raises(PrivateSimulatorError, match="no such task: pick-cub"):
        PrivateSimulator("pick-cub", command=command)


def test_a_child_that_is_never_ready_is_ended():
    command = [sys.executable, "-c", "import time; print('loading', flush=True); time.sleep(600)"]
    with pytest.raises(PrivateSimulatorError, match=r"not ready within 0\.5 s"):
        PrivateSimulator("pick-cube", command=command, start_timeout_s=0.5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_parent(number):
    code = textwrap.dedent(f"""
        import sys, time
        from serl_client.envs.private_simulator import PrivateSimulator
        simulator = PrivateSimulator("pick-cube", command={COMMAND!r})
        print(simulator.pid, simulator.address, flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child, address = parent.stdout.readline().split()
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    assert has_ended(int(child))
    wait_until(lambda: not Path(address.removeprefix("unix:")).parent.exists())


def test_a_long_folder_for_temporary_files_is_no_obstacle(tmp_path, monkeypatch):
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with PrivateSimulator("pick-cube", command=COMMAND) as simulator:
        assert len(simulator.address.removeprefix("unix:")) <= 107
    assert list(folder.iterdir()) == []


def test_a_forked_child_leaves_the_simulator_of_its_parent_alone():
    with PrivateSimulator("pick-cube", command=COMMAND) as simulator:
        folder = Path(simulator.address.removeprefix("unix:")).parent
        child = os.fork()
        if child == 0:
            simulator.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert folder.exists()
        assert simulator.is_running
    assert not folder.exists()


def test_a_forked_child_that_lives_on_keeps_no_simulator_alive():
    program = textwrap.dedent(f"""
        import os, time
        from serl_client.envs.private_simulator import PrivateSimulator
        simulator = PrivateSimulator("pick-cube", command={COMMAND!r})
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(simulator.pid, child, flush=True)
        os._exit(0)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    simulator, child = map(int, parent.stdout.readline().split())
    try:
        parent.wait(10)
        assert has_ended(simulator)
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()
