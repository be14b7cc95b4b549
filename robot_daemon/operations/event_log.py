"""Writes structured logs: one event with its fields a line, as text for people or as JSON for programs."""

import copy
import json
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from robot_daemon.control.events import Event, EventListener, FieldValue
from serl_api import audit

LOGGER = "robot_daemon.events"

_FIELDS = "event_fields"
"""Attribute of a log record that holds the fields of an event."""


class EventLog(EventListener):
    """Writes each event to the log."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER)

    def on_event(self, event: Event) -> None:
        """Writes one line."""
        log_event(self._logger, event.name, event.fields, is_warning=event.is_warning)


def log_event(logger: logging.Logger, name: str, fields: Mapping[str, FieldValue], *, is_warning: bool = False) -> None:
    """Writes an event that no cell emits, such as a recording on disk."""
    logger.log(logging.WARNING if is_warning else logging.INFO, name, extra={_FIELDS: dict(fields)})


class TextFormatter(logging.Formatter):
    """Writes `2026-01-31T12:00:00.123Z INFO session_opened session=1 client="ada"`."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats one line, with a traceback below it where there is one."""
        fields: Mapping[str, FieldValue] | None = getattr(record, _FIELDS, None)
        words = [_stamp(record), record.levelname]
        if fields is None:
            words += [f"{record.name}:", record.getMessage()]
        else:
            words += [record.getMessage(), *(f"{key}={_text(value)}" for key, value in fields.items())]
        trace = _traceback(record)
        return " ".join(words) + (f"\n{trace}" if trace else "")


class JsonFormatter(logging.Formatter):
    """Writes `{"time": "2026-01-31T12:00:00.123Z", "level": "info", "event": "session_opened", "session": 1}`.

    A line that is no event has the event "message", its logger and its text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Formats one line."""
        fields: Mapping[str, FieldValue] | None = getattr(record, _FIELDS, None)
        document: dict[str, FieldValue] = {"time": _stamp(record), "level": record.levelname.lower()}
        if record.name == audit.LOGGER:
            document |= {"event": "audit", **getattr(record, audit.FIELDS)}
        elif fields is None:
            document |= {"event": "message", "logger": record.name, "text": record.getMessage()}
        else:
            document |= {"event": record.getMessage(), **fields}
        trace = _traceback(record)
        if trace:
            document["traceback"] = trace
        return json.dumps(document)


FORMATTERS: Mapping[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


@contextmanager
def logging_to_stderr(level: str, style: str) -> Iterator[None]:
    """Sends every log line of the process to stderr through a thread, so that a slow reader never delays the arm."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTERS[style]())
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    sender = _Sender(lines)
    listener = logging.handlers.QueueListener(lines, handler)
    root = logging.getLogger()
    former = root.level
    root.setLevel(level.upper())
    root.addHandler(sender)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(sender)
        root.setLevel(former)
        listener.stop()


class _Sender(logging.handlers.QueueHandler):
    """Hands a record over as it is; only what must be taken from the calling thread is put into text here."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record = copy.copy(record)
        record.msg, record.args = record.getMessage(), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        return record


def _stamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def _text(value: FieldValue) -> str:
    return f"{value:.9g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _traceback(record: logging.LogRecord) -> str:
    if record.exc_info and not record.exc_text:
        return logging.Formatter().formatException(record.exc_info)
    return record.exc_text or ""
