"""Does what every server here does: binds one address safely, answers for its health, lists its services, drains."""

from __future__ import annotations

import logging
import resource
import socket
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serl_api.admission import Admission, WorkerPool
from serl_api.audit import AuditLog
from serl_api.decoding import Decoding
from serl_api.errors.refusals import Refusals
from serl_api.forking import note_closed, note_open
from serl_api.security import KEEPALIVE_OPTIONS, ServerSecurity, require_listenable

logger = logging.getLogger(__name__)

_HEALTH = f"/{health.SERVICE_NAME}/"
RESERVED_WORKERS = 2
"""Workers of a method that is kept apart."""
_OPEN_FILES = 65_536
"""Open files that a server asks for; many systems grant 1024 until asked, which idle connections use up."""


MAX_HEALTH_WATCHES = 16
"""Streams of health served at once."""


class ServeError(Exception):
    """A server cannot listen, or could not be stopped in order; the message is one sentence for people."""


class ApiServer:
    """Serves gRPC behind one address, with health and reflection. Safe from any thread.

    Args:
        address: `host:port` (port 0 picks a free one) or `unix:/path`.
        security: Whom it lets in.
        refusals: What it refuses before a servicer is asked, in the words of its API.
        workers: Calls answered at once; more wait.
        urgent: Paths of methods that have workers of their own, as health has, and how many.

    Raises:
        ConfigError: The address is not safe to serve, or a file cannot be read.
    """

    def __init__(
        self,
        address: str,
        security: ServerSecurity,
        *,
        refusals: Refusals,
        workers: int,
        urgent: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        require_listenable(address)
        security.require_safe(address)
        self._address = address
        self._credentials = security.credentials()
        default = WorkerPool(workers, "rpc")
        reserved = {path: WorkerPool(count, path.rpartition("/")[2]) for path, count in urgent.items()}
        watches = WorkerPool(MAX_HEALTH_WATCHES, "health-watch")  # Which last, and must not take those of checks.
        health_pools = {f"{_HEALTH}Watch": watches, _HEALTH: WorkerPool(RESERVED_WORKERS, "health")}
        self._admission = Admission(default, {**health_pools, **reserved})
        # A port in use must be an error, not a second server on it.
        options = [*KEEPALIVE_OPTIONS, ("grpc.so_reuseport", 0)]
        # Whoever lacks the token is refused before a worker waits for the request, and before anything is parsed.
        checker = security.role_checker(refusals)
        ways_in = [self._admission, Decoding(refusals), AuditLog(None if checker is None else checker.role_of)]
        interceptors = ways_in if checker is None else [checker, *ways_in]
        self._server = grpc.server(default.executor, interceptors=interceptors, options=options)
        self._health = _BoundedHealth()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names: list[str] = []

    def add(self, add_to_server: Callable[[Any, grpc.Server], None], servicer: object, api: ServiceDescriptor) -> None:
        """Adds a service, before `start`; health and reflection list it by its full name."""
        add_to_server(servicer, self._server)
        self._names.append(api.full_name)

    def start(self) -> str:
        """Begins to serve, and returns the bound address, with the port that was picked when 0 was asked for.

        Raises:
            ServeError: The address is in use or cannot be bound.
        """
        address = self._address
        _allow_connections()
        try:
            _require_free(address)
            if self._credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, self._credentials)
        except (RuntimeError, OSError) as error:
            raise ServeError(
                f"cannot listen on {address}; is another server running there? Stop it or choose another address"
            ) from error
        listed = [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(listed, self._server)
        for name in ("", *self._names):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._server.start()
        note_open(self)
        self._admission.start()
        bound = address if address.startswith("unix") else f"{address.rpartition(':')[0]}:{port}"
        logger.info("listening on %s", bound)
        return bound

    def drain(self) -> None:
        """Answers from now on that nothing is served; calls go on."""
        self._health.enter_graceful_shutdown()

    def stop(self, grace_s: float = 2.0) -> None:
        """Refuses new calls and waits for those under way, which are cut off after a while. Safe to call again.

        Args:
            grace_s: How long they may take, s; a later call can only shorten it.
        """
        self.drain()
        self._server.stop(grace_s).wait()
        note_closed(self)

    def join(self) -> None:
        """Waits for the workers, after `stop`."""
        self._admission.close()


class _BoundedHealth(health.HealthServicer):
    """Answers for the health, and lets a bounded number watch it."""

    def __init__(self) -> None:
        # The library's other way of watching holds its lock while it sends: a watch that ends meanwhile is a deadlock.
        super().__init__(experimental_non_blocking=False)
        self._places = threading.Semaphore(MAX_HEALTH_WATCHES)

    def Watch(self, request: Any, context: Any, send_response_callback: Any = None) -> Any:  # noqa: ANN401, N802
        """Streams the health of a service as it changes."""
        if not self._places.acquire(blocking=False):
            text = f"{MAX_HEALTH_WATCHES} streams watch the health already; ask by Check, or end one of them"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        try:
            watch: Any = super().Watch(request, context, send_response_callback)
            if not context.add_callback(watch.close):  # The peer left before anybody could hear of it.
                watch.close()
            yield from watch
        finally:
            self._places.release()


def _allow_connections() -> None:
    """Raises the process's limit of open files, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _require_free(address: str) -> None:
    """Raises OSError when another process answers on a Unix socket, which gRPC would silently take over."""
    if not address.startswith("unix:"):
        return
    path = address.removeprefix("unix:").removeprefix("//")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return
    raise OSError(f"{path} is in use")
