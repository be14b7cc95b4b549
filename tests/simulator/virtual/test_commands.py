import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import serial

from simulator.virtual.robotiq.command import main
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

MAIN = """
import sys
sys.path[:0] = sys.argv.pop(1).split(":")
from simulator.virtual.{} import main
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def start(module, *arguments):
    command = [sys.executable, "-c", MAIN.format(module), ":".join(filter(None, sys.path)), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def status(port):
    port.reset_input_buffer()
    port.write(bytes.fromhex("090407d00003b1ce"))
    return port.read(11).hex()


def test_it_serves_obeys_and_ends_by_a_signal(tmp_path):
    link, ready = tmp_path / "ttyRobotiq", tmp_path / "ready"
    with start("robotiq.command", "--link", str(link), "--ready-file", str(ready)) as process:
        assert process.stdout.readline() == f"{link}\n"
        wait_until(ready.exists)
        assert ready.read_text() == f"{link}\n"
        with serial.Serial(str(link), timeout=1.0) as port:
            assert status(port)[6:18] == "000000000300"
            process.stdin.write("fault 14\nfault 99\ndance\nobject wide\n")
            process.stdin.flush()
            wait_until(lambda: status(port)[10:12] == "0e")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20.0) == 0
        said = process.stderr.read().splitlines()
    assert said[0] == "99 is not in [0, 15]"
    assert said[1].startswith("dance is not known; known: object, unplug")
    assert said[2] == '"wide" is not a number'
    assert not ready.exists()
    assert not os.path.lexists(link)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--tcp", "54321"], "--tcp is 54321; it is written HOST:PORT, and port 0 picks one"),
        (["--slave-id", "300"], "--slave-id is 300; it must be in [1, 247]"),
        (["--model", "3f"], "invalid choice: '3f'"),
    ],
)
def test_wrong_usage_is_told(arguments, text, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_an_address_of_another_machine_is_told(capfd):
    assert main(["--tcp", "192.0.2.1:0"]) == 1
    assert "cannot listen on tcp://192.0.2.1:0" in capfd.readouterr().err


def test_a_hand_is_served_likewise(tmp_path):
    host = f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}.200"
    with start("hand.command", "--host", host) as process:
        assert process.stdout.readline() == f"{host}\n"
        process.stdin.close()
        with start("hand.command", "--host", host) as second:
            assert second.wait(timeout=20.0) == 1
            assert f"cannot serve {host}:1338 (Address already in use)" in second.stderr.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20.0) == 0
