import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.errors import PrivateSimulatorError

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


def children(pid):
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_starts_and_closes_and_leaves_nothing():
    simulator = PrivateSimulator("pick-cube", command=COMMAND)
    folder = Path(simulator.address.removeprefix("unix:")).parent
    (child,) = children(simulator.guard_pid)
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
    (child,) = children(started[0].guard_pid)
    assert started[0].is_running
    assert child
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
        print(simulator.guard_pid, simulator.address, flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    guard_text, address = parent.stdout.readline().split()
    (child,) = children(int(guard_text))
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    assert has_ended(child)
    assert has_ended(int(guard_text))
    assert not Path(address.removeprefix("unix:")).parent.exists()


def test_the_simulator_dies_with_its_guard():
    simulator = PrivateSimulator("pick-cube", command=COMMAND)
    (child,) = children(simulator.guard_pid)
    os.kill(simulator.guard_pid, signal.SIGKILL)
    assert has_ended(child)
    simulator.close()
