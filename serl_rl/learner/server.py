"""The learner's gRPC server: health and reflection, security, bounded workers, drain."""

from __future__ import annotations

from concurrent import futures
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from serl.learner.v1 import learner_service_pb2

from serl_api.security import KEEPALIVE_OPTIONS, ServerSecurity
from serl_rl import errors
from serl_rl.learner import service
from serl_rl.protocol import transport

_SERVICE = learner_service_pb2.DESCRIPTOR.services_by_name["LearnerService"].full_name
# Workers beyond the streams, for unary calls, health watches and reflection.
_HEADROOM = 16


class LearnerServer:
    """A running server.

    Args:
        servicer: Answers the calls.
        address: "host:port" or "unix:/path".
        security: TLS files and token.
        max_streams: Streams of each kind that the servicer allows.

    Raises:
        ConfigError: The address is unprotected, or a file cannot be read.
        UsageError: The address cannot be bound.
    """

    def __init__(
        self, servicer: service.LearnerServicer, address: str, security: ServerSecurity, max_streams: int
    ) -> None:
        self._server = grpc.server(
            futures.ThreadPoolExecutor(2 * max_streams + _HEADROOM, thread_name_prefix="learner"),
            options=[*KEEPALIVE_OPTIONS, ("grpc.so_reuseport", 0)],
            interceptors=security.interceptors(_refuse_token),
        )
        service.add_to(self._server, servicer)
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self.address = _bind(self._server, address, security)

    def start(self) -> None:
        """Serves from now on."""
        self._server.start()
        for name in ("", _SERVICE):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace_s: float = 2.0) -> None:
        """Ends calls and closes the port.

        Args:
            grace_s: Time for calls to end by themselves, in s.
        """
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()


def _bind(server: grpc.Server, address: str, security: ServerSecurity) -> str:
    security.require_safe(address)
    credentials = security.credentials()
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise errors.UsageError(f"cannot serve on {address}: is the port in use? ({error})") from error
    return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"


def _refuse_token(context: grpc.ServicerContext) -> NoReturn:
    error = errors.BadTokenError("the bearer token is missing or wrong; pass the learner's --token-file")
    transport.LEARNER_ERRORS.abort(context, error)
