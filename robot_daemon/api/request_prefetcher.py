"""Reads the requests of one control stream, in a second thread while the answering thread moves the arm."""

import queue
import threading
from collections.abc import Iterator

from serl.robot.v1 import robot_service_pb2

Request = robot_service_pb2.ControlRequest


class RequestPrefetcher:
    """Reads one request at a time. Used by one thread; `prefetch` starts a second one for the next request only."""

    def __init__(self, incoming: Iterator[Request]) -> None:
        self._incoming = incoming
        self._fetched: queue.SimpleQueue[Request | BaseException | None] | None = None

    def read(self) -> Request | None:
        """Waits for the next request; None when the client has closed its side.

        Raises:
            grpc.RpcError: The call was cancelled or its peer is gone.
        """
        if self._fetched is None:
            return next(self._incoming, None)
        item = self._fetched.get()
        self._fetched = None
        if isinstance(item, BaseException):
            raise item
        return item

    def prefetch(self) -> None:
        """Begins to wait for the next request in a second thread, unless one waits already."""
        if self._fetched is None:
            self._fetched = queue.SimpleQueue()
            fetch = threading.Thread(target=self._fetch, args=(self._fetched,), name="prefetch", daemon=True)
            fetch.start()

    @property
    def is_pending(self) -> bool:
        """Whether `read` would answer at once, after `prefetch`: with a request, or with the end of the stream."""
        return self._fetched is not None and not self._fetched.empty()

    def _fetch(self, fetched: "queue.SimpleQueue[Request | BaseException | None]") -> None:
        try:
            fetched.put(next(self._incoming, None))
        except Exception as error:  # noqa: BLE001 - the top of a thread; `read` raises it again.
            fetched.put(error)
