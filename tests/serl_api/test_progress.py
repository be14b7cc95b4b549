"""What a command says of itself, into a pipe and on a terminal."""

import io
import threading

import pytest

from serl_api.progress import Progress, duration
from tests.support.clocks import ManualClock


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def pipe():
    return io.StringIO()


@pytest.fixture
def progress(clock, pipe):
    return Progress(pipe, clock=clock, tick_s=None)


def pass_time(progress, clock, seconds):
    """Lets seconds pass, with a look at each."""
    for _ in range(seconds):
        clock.now += 1
        progress.tick()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (297, "4 min 57 s"), (7500, "2 h 5 min")]
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_a_short_phase_says_nothing_into_a_pipe(progress, clock, pipe):
    with progress.phase("starting the simulator"):
        pass_time(progress, clock, 4)
    assert pipe.getvalue() == ""


def test_a_phase_without_a_count_says_its_name_and_age_and_its_end(progress, clock, pipe):
    with progress.phase("compiling the update"):
        pass_time(progress, clock, 11)
    assert pipe.getvalue().splitlines() == [
        "compiling the update: 5 s",
        "compiling the update: 10 s",
        "compiling the update: ended after 11 s",
    ]


def test_a_count_brings_the_time_that_is_left(progress, clock, pipe):
    with progress.phase("evaluating", 100) as phase:
        phase.report(25, "success 96 %")
        pass_time(progress, clock, 5)
    assert pipe.getvalue().splitlines()[0] == "evaluating: 25 of 100, success 96 %, 5 s, about 15 s left"


def test_nothing_done_yet_promises_no_end(progress, clock):
    with progress.phase("evaluating", 100) as phase:
        clock.now += 5
        assert str(phase) == "evaluating: 0 of 100, 5 s"


def test_lines_of_a_long_phase_come_less_often(progress, clock, pipe):
    with progress.phase("compiling"):
        pass_time(progress, clock, 300)
    lines = pipe.getvalue().splitlines()
    assert 15 < len(lines) < 40
    assert lines[0] == "compiling: 5 s"


def test_a_phase_within_another_takes_its_place_and_gives_it_back(progress, clock, pipe):
    with progress.phase("training"):
        with progress.phase("evaluating"):
            pass_time(progress, clock, 6)
        pass_time(progress, clock, 1)
        assert progress.current.name == "training"
    assert progress.current is None
    assert pipe.getvalue().splitlines() == [
        "evaluating: 5 s",
        "evaluating: ended after 6 s",
        "training: 7 s",
        "training: ended after 7 s",
    ]


def test_a_logger_may_take_the_lines(clock):
    said = []
    progress = Progress(clock=clock, say=said.append, tick_s=None)
    with progress.phase("acting"):
        pass_time(progress, clock, 5)
    assert said[0] == "acting: 5 s"


def test_a_thread_looks_after_phases_whose_code_reports_nothing(clock):
    spoken = threading.Event()
    progress = Progress(clock=clock, say=lambda text: spoken.set(), tick_s=0.001)
    with progress.phase("compiling"):
        clock.now += 6
        assert spoken.wait(10)


def test_an_error_ends_the_phase(progress):
    with pytest.raises(ValueError, match="broken"), progress.phase("compiling"):
        raise ValueError("broken")
    assert progress.current is None


def test_a_terminal_gets_a_line_that_lives_and_goes(monkeypatch, clock):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = Progress(stream, clock=clock)
    with progress.phase("evaluating", 100) as phase:
        phase.report(50)
    assert "evaluating: 50 of 100" in stream.getvalue()
    assert "ended after" not in stream.getvalue()


def test_a_terminal_whose_view_another_draws_is_left_alone(monkeypatch, clock):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Progress(stream, clock=clock, own_view=True).phase("evaluating"):
        pass
    assert stream.getvalue() == ""


def test_a_terminal_that_can_move_no_cursor_gets_lines(monkeypatch, clock):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    progress = Progress(stream, clock=clock, tick_s=None)
    with progress.phase("compiling"):
        pass_time(progress, clock, 5)
    assert stream.getvalue().startswith("compiling: 5 s\n")
