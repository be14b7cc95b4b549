"""Keys from a real pseudo-terminal, and from a listener."""

import os
import pty
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.errors.robot import DeviceUnavailableError
from serl_client.teleop.devices.keys import DesktopKeys, PressedKeys, TerminalKeys, split_keys
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    ("data", "keys", "rest"),
    [
        (b"wW ", ["w", "w", "space"], b""),
        (b"\x1b[A\x1b[D", ["up", "left"], b""),
        (b"\x1b[5~\x1b[6~", ["page_up", "page_down"], b""),
        (b"\r\x7f\t", ["enter", "backspace", "tab"], b""),
        (b"a\x1b[", ["a"], b"\x1b["),
        (b"\x1b", [], b"\x1b"),
        (b"\x1bx", ["escape", "x"], b""),
        (b"\x1b[1;5Cx", ["x"], b""),
        ("ä€".encode(), ["ä", "€"], b""),
        ("ä".encode()[:1], [], "ä".encode()[:1]),
        (b"\x01\x02w", ["w"], b""),
    ],
)
def test_bytes_of_a_terminal(data, keys, rest):
    assert split_keys(data) == (keys, rest)


@given(st.binary(max_size=40))
def test_any_bytes_end_and_little_is_kept_back(data):
    keys, rest = split_keys(data)
    assert len(rest) < 8
    assert all(keys)


@given(st.lists(st.sampled_from(["w", "\x1b[A", "\x1b[5~", " ", "ä"]), max_size=8), st.integers(0, 30))
def test_where_the_bytes_are_cut_does_not_matter(parts, cut):
    data = "".join(parts).encode()
    first, rest = split_keys(data[:cut])
    second, _ = split_keys(rest + data[cut:])
    assert first + second == split_keys(data)[0]


@pytest.fixture
def terminal():
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_a_press_is_taken_once_and_held_for_a_while(terminal, clock):
    ours, theirs = terminal
    keys = TerminalKeys(theirs, hold_s=0.15, clock=clock)
    os.write(ours, b"w")
    wait_until(lambda: keys.held == {"w"})
    clock.now += 0.1
    assert keys.held == {"w"}
    clock.now += 0.1
    assert keys.held == frozenset()
    assert keys.take("w")
    assert not keys.take("w")
    assert not keys.take("x")
    keys.close()


def test_a_lone_escape_is_a_key(terminal, clock):
    ours, theirs = terminal
    keys = TerminalKeys(theirs, clock=clock)
    os.write(ours, b"\x1b")
    wait_until(lambda: keys.take("escape"))
    keys.close()


def test_the_terminal_gets_its_settings_back(terminal):
    _, theirs = terminal
    before = termios.tcgetattr(theirs)
    keys = TerminalKeys(theirs)
    local = termios.tcgetattr(theirs)[3]
    assert not local & (termios.ECHO | termios.ICANON)
    assert local & termios.ISIG  # Ctrl-C goes on working.
    keys.close()
    keys.close()
    assert termios.tcgetattr(theirs) == before


def test_a_pipe_is_refused():
    read, write = os.pipe()
    with pytest.raises(DeviceUnavailableError, match="start it in a terminal"):
        TerminalKeys(read)
    os.close(read)
    os.close(write)


class Listener:
    def __init__(self, on_press, on_release):
        self.press, self.release = on_press, on_release
        self.is_running = True

    def stop(self):
        self.is_running = False


def test_the_desktop_tells_both_ends_of_a_press():
    listeners = []

    def listen(on_press, on_release):
        listeners.append(Listener(on_press, on_release))
        return listeners[-1]

    keys = DesktopKeys(listen)
    for _ in range(3):  # Repeats of a held key are no presses.
        listeners[0].press("w")
    assert keys.held == {"w"}
    assert keys.take("w")
    listeners[0].press("w")
    assert not keys.take("w")
    listeners[0].release("w")
    assert keys.held == frozenset()
    keys.close()
    assert not listeners[0].is_running


def test_a_release_that_another_window_got_is_made_up_for(clock):
    told = []
    keys = DesktopKeys(lambda press, release: told.append(press), clock)
    (press,) = told
    press("w")
    for _ in range(4):  # A held key repeats.
        clock.now += 0.7
        press("w")
        assert keys.held == {"w"}
    assert keys.take("w")
    assert not keys.take("w")
    clock.now += 1.1  # Let go where nobody listened.
    assert keys.held == frozenset()
    press("w")
    assert keys.take("w"), "it is a press, no repeat"


def test_a_wayland_desktop_is_refused(monkeypatch):
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    with pytest.raises(DeviceUnavailableError, match=r"a Wayland desktop tells programs no keys .*--keys terminal"):
        DesktopKeys()


def test_without_a_desktop_the_terminal_is_recommended(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(DeviceUnavailableError, match="--keys terminal"):
        DesktopKeys()


def test_a_repeat_where_releases_are_not_told_is_a_press(clock):
    keys = PressedKeys(0.1, clock)
    keys.press("w")
    assert keys.take("w")
    keys.press("w")
    assert keys.take("w")
