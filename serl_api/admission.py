"""Keeps calls that never bring their request from taking the workers of those that do."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

FIRST_REQUEST_S = 3.0
"""How long a call may take to bring its first request, s."""
WAITING_CALLS = 16
"""Calls of one pool that may wait for their first request; one more ends one of the peer that has most of them."""

_CHECK_S = 0.25


class WorkerPool:
    """Holds workers for calls of one kind. As many more wait for first requests, so that waiting never takes a worker.

    Args:
        workers: Calls answered at once; more queue.
        name: Of the threads.
    """

    def __init__(self, workers: int, name: str) -> None:
        self.executor = ThreadPoolExecutor(workers + WAITING_CALLS + 1, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._waiting: dict[grpc.ServicerContext, tuple[str, float]] = {}
        """Peer and beginning of each call that waits, oldest first."""

    def first_request(self, requests: Iterator[Any], context: grpc.ServicerContext) -> object:
        """Waits for the first request of a call; aborts the call when none comes."""
        with self._lock:
            if len(self._waiting) >= WAITING_CALLS:
                self._end(self._most_dispensable())
            self._waiting[context] = (context.peer(), time.monotonic())
        try:
            return next(requests)
        except StopIteration:
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call brought no request in time; send one")
        finally:
            with self._lock:
                self._waiting.pop(context, None)

    def end_overdue(self) -> None:
        """Ends the calls whose first request is overdue."""
        bound = time.monotonic() - FIRST_REQUEST_S
        with self._lock:
            for context in [context for context, (_, began) in self._waiting.items() if began < bound]:
                self._end(context)

    def _most_dispensable(self) -> grpc.ServicerContext:
        """Finds the oldest call of the connection that has most of those that wait."""
        counts = Counter(peer for peer, _ in self._waiting.values())
        return max(self._waiting, key=lambda context: counts[self._waiting[context][0]])

    def _end(self, context: grpc.ServicerContext) -> None:
        del self._waiting[context]
        context.cancel()  # Which wakes its worker.


class Admission(grpc.ServerInterceptor):
    """Gives each call to the workers of its kind, once its first request is there.

    Args:
        default: Workers of every call that has none of its own.
        reserved: Workers of a method, or of a service whose name ends in "/", by the beginning of the method's path.
    """

    def __init__(self, default: WorkerPool, reserved: Mapping[str, WorkerPool]) -> None:
        self._default = default
        self._reserved = reserved
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}
        self._closed = threading.Event()

    def start(self) -> None:
        """Begins to end overdue calls."""
        threading.Thread(target=self._run, name="admission", daemon=True).start()

    def close(self) -> None:
        """Waits for the workers."""
        self._closed.set()
        for pool in (self._default, *self._reserved.values()):
            pool.executor.shutdown(wait=True)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Replaces a method's handler by one that waits for the first request."""
        method = handler_call_details.method
        if method not in self._handlers:
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            self._handlers[method] = _admitting(handler, self._pool_of(method))
        return self._handlers[method]

    def _pool_of(self, method: str) -> WorkerPool:
        return next((pool for start, pool in self._reserved.items() if method.startswith(start)), self._default)

    def _run(self) -> None:
        while not self._closed.wait(_CHECK_S):
            for pool in (self._default, *self._reserved.values()):
                pool.end_overdue()


def _admitting(handler: grpc.RpcMethodHandler, pool: WorkerPool) -> grpc.RpcMethodHandler:
    """Makes a handler for the same method; on the wire, a call of one request is a stream of one."""
    given: Any = handler
    behave: Any = given.unary_unary or given.unary_stream or given.stream_unary or given.stream_stream

    def admit_call(requests: Iterator[Any], context: grpc.ServicerContext, *rest: object) -> object:
        first = pool.first_request(requests, context)
        return behave(itertools.chain((first,), requests) if given.request_streaming else first, context, *rest)

    admit: Any = admit_call
    admit.experimental_thread_pool = pool.executor
    admit.experimental_non_blocking = getattr(behave, "experimental_non_blocking", False)
    build = grpc.stream_stream_rpc_method_handler if given.response_streaming else grpc.stream_unary_rpc_method_handler
    return build(admit, given.request_deserializer, given.response_serializer)
