"""Limits the number of open streams, so that they never take the workers that short calls need."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from serl_api.errors.robot import DrainingError, TooManyStreamsError


class StreamSlots:
    """Bounds the number of streams of one kind."""

    def __init__(self, kind: str, limit: int) -> None:
        self._kind = kind
        self._limit = limit
        self._lock = threading.Lock()
        self._open: set[threading.Event] = set()
        self._is_draining = False

    @contextmanager
    def take(self, context: grpc.ServicerContext) -> Iterator[threading.Event]:
        """Holds a slot for the time of a call; the event is set when the call has ended or the daemon drains.

        Raises:
            TooManyStreamsError: Every place is taken.
            DrainingError: The daemon is shutting down.
        """
        ended = threading.Event()
        with self._lock:
            if self._is_draining:
                raise DrainingError
            if len(self._open) >= self._limit:
                raise TooManyStreamsError.at(self._limit, self._kind)
            self._open.add(ended)
        try:
            context.add_callback(ended.set)
            yield ended
            if self._is_draining:
                raise DrainingError
        finally:
            with self._lock:
                self._open.discard(ended)

    def drain(self) -> None:
        """Ends every stream and refuses new ones."""
        with self._lock:
            self._is_draining = True
            for ended in self._open:
                ended.set()
