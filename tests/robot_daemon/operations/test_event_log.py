import io
import json
import logging
import sys
import threading

import pytest

from robot_daemon.control.events import Event
from robot_daemon.operations.event_log import EventLog, JsonFormatter, TextFormatter, log_event, logging_to_stderr

EVENT = Event("session_opened", 5, {"session": 1, "client": 'a "b"\n', "seconds": 0.5, "ok": True})


@pytest.fixture
def written(monkeypatch):
    """Lines that a block of log calls writes."""

    def write(style, block, level="info"):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        with logging_to_stderr(level, style):
            block()
        return stream.getvalue().splitlines()

    return write


def test_an_event_is_one_line_of_text(written):
    (line,) = written("text", lambda: EventLog().on_event(EVENT))
    stamp, rest = line.split(" ", 1)
    assert stamp.endswith("Z")
    assert rest == 'INFO session_opened session=1 client="a \\"b\\"\\n" seconds=0.5 ok=true'


def test_an_event_is_one_json_object(written):
    (line,) = written("json", lambda: EventLog().on_event(EVENT))
    document = json.loads(line)
    assert document.pop("time").endswith("Z")
    assert document == {"level": "info", "event": "session_opened", **EVENT.fields}


def test_a_line_of_the_audit_keeps_its_fields(written):
    def audit():
        logging.getLogger("serl.audit").info("call=Stop", extra={"audit_fields": {"call": "Stop", "role": "observe"}})

    document = json.loads(written("json", audit)[0])
    assert (document["event"], document["call"], document["role"]) == ("audit", "Stop", "observe")


def test_a_warning_has_its_level(written):
    (line,) = written("json", lambda: EventLog().on_event(Event("stop_latched", 0, is_warning=True)))
    assert json.loads(line)["level"] == "warning"


def test_other_lines_are_messages_with_their_traceback(written):
    def fail():
        try:
            raise ValueError("no")
        except ValueError:
            logging.getLogger("robot_daemon.x").exception("broken %d", 7)

    (line,) = written("json", fail)
    document = json.loads(line)
    assert (document["event"], document["logger"], document["text"]) == ("message", "robot_daemon.x", "broken 7")
    assert document["traceback"].endswith("ValueError: no")
    lines = written("text", fail)
    assert "ERROR robot_daemon.x: broken 7" in lines[0]
    assert lines[-1] == "ValueError: no"


def test_the_level_is_obeyed(written):
    lines = written("text", lambda: EventLog().on_event(EVENT), level="warning")
    assert lines == []


def test_a_reader_that_is_slow_delays_nobody(monkeypatch):
    class Stuck(io.StringIO):
        may_go_on = threading.Event()

        def write(self, text):
            self.may_go_on.wait(10.0)
            return super().write(text)

    stream = Stuck()
    monkeypatch.setattr(sys, "stderr", stream)
    with logging_to_stderr("info", "text"):
        for _ in range(1000):
            log_event(logging.getLogger("x"), "happened", {})  # Would hang here for ever.
        assert stream.getvalue() == ""
        stream.may_go_on.set()
    assert len(stream.getvalue().splitlines()) == 1000


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_record_that_was_not_queued_keeps_its_traceback(formatter):
    try:
        raise KeyError("x")
    except KeyError:
        record = logging.LogRecord("n", logging.ERROR, "", 0, "text", None, sys.exc_info())
    assert "KeyError: 'x'" in formatter.format(record)
