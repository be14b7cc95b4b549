"""Signals become an event; the second one ends the process."""

import contextlib
import signal
import subprocess
import sys

from serl_api.lifetime.stop_signal import StopSignal


def test_setting_wakes_and_calls_once():
    calls, stop = [], StopSignal()
    stop.on_stop(lambda: calls.append(1))
    assert not stop.wait(0.01)
    stop.set()
    stop.set()
    assert stop.wait(20.0)
    assert calls == [1]


def test_a_late_listener_is_called_at_once():
    calls, stop = [], StopSignal()
    stop.set()
    stop.on_stop(lambda: calls.append(1))
    assert calls == [1]


WAITING = (
    "from serl_api.lifetime.stop_signal import StopSignal; stop = StopSignal().install(); print('up', flush=True);"
    "assert stop.wait(30); print('stopping', flush=True); import threading; threading.Event().wait(30)"
)


def test_a_signal_sets_the_event_and_a_second_one_exits():
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 128 + signal.SIGINT


def test_a_closed_terminal_stops_and_may_be_said_twice():
    heard = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL);"  # Whatever the tests themselves run under.
    with subprocess.Popen([sys.executable, "-c", heard + WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGHUP)
        # Of two signals at once the kernel may hand the second to a thread that ends, and Python then hears it late.
        for _ in range(100):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                break
        assert process.returncode == 128 + signal.SIGTERM


def test_nohup_is_respected():
    command = ["nohup", sys.executable, "-c", WAITING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 128 + signal.SIGINT


HURRYING = (
    "from serl_api.lifetime.stop_signal import StopSignal; import threading; stop = StopSignal().install();"
    "stop.on_hurry(lambda: print('hurrying', flush=True)); print('up', flush=True);"
    "assert stop.wait(); print('stopping', flush=True); threading.Event().wait(30)"
)


def test_the_second_signal_hurries_where_something_can_be_and_the_third_exits():
    with subprocess.Popen([sys.executable, "-c", HURRYING], stdout=subprocess.PIPE, text=True) as process:
        for said in ("up", "stopping", "hurrying"):
            assert process.stdout.readline() == f"{said}\n"
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM


def test_the_former_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignal():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
