"""Serves a cell: builds, secures, drains and stops a gRPC server; health and reflection included."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from serl.robot.v1 import camera_service_pb2, camera_service_pb2_grpc, robot_service_pb2, robot_service_pb2_grpc

from robot_daemon.camera_service import CameraServicer
from robot_daemon.config import LimitsConfig, ServerConfig, SyncConfig
from robot_daemon.core import DaemonCore
from robot_daemon.devices import Cell, Compliance
from robot_daemon.robot_service import RobotServicer
from robot_daemon.security import TokenInterceptor, credentials, read_token, require_secure
from robot_daemon.streams import StreamPlaces

logger = logging.getLogger(__name__)

UNARY_WORKERS = 8
"""Workers that streams can never take."""

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.so_reuseport", 0),  # A port in use must be an error, not a second daemon on it.
    ("grpc.keepalive_time_ms", 1000),  # A dead peer is found within two seconds.
    ("grpc.keepalive_timeout_ms", 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
)

Register = Callable[[grpc.Server, DaemonCore], None]


class ServeError(Exception):
    """The daemon cannot listen; the message is one sentence for people."""


class DaemonServer:
    """One cell behind one address.

    Args:
        cell: Devices; closed by `stop`.
        config: Where to listen and whom to let in.
        limits: Bounds for every client.
        extra: Adds further services to the server, such as the simulator's. A function may have an attribute
            `service_names`, which reflection and health then list.
        sync: Sampling and alignment of sensors.
        compliance: What a session starts with.

    Raises:
        ConfigError: The address is not safe to serve, or a file cannot be read.
    """

    def __init__(
        self,
        cell: Cell,
        config: ServerConfig,
        limits: LimitsConfig,
        extra: Sequence[Register] = (),
        *,
        sync: SyncConfig | None = None,
        compliance: Compliance | None = None,
    ) -> None:
        require_secure(config)
        self._config = config
        self._credentials = credentials(config)
        interceptors: list[grpc.ServerInterceptor] = (
            [] if config.token_file is None else [TokenInterceptor(read_token(config.token_file))]
        )
        workers = UNARY_WORKERS + config.max_streams + config.max_control_streams
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="rpc")
        self._server = grpc.server(self._pool, interceptors=interceptors, options=list(CHANNEL_OPTIONS))
        self._health = health.HealthServicer()
        self._stopped = threading.Event()
        self._stop_lock = threading.Lock()
        self._places = [
            StreamPlaces("state and frame", config.max_streams),
            StreamPlaces("control", config.max_control_streams),
        ]
        self.core = DaemonCore(cell, limits, sync=sync, compliance=compliance)
        self._register(extra)

    def start(self) -> str:
        """Begins to serve.

        Returns:
            The bound address, with the port that was picked when 0 was asked for.

        Raises:
            ServeError: The address is in use or cannot be bound.
        """
        address = self._config.address
        try:
            _require_free(address)
            if self._credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, self._credentials)
        except (RuntimeError, OSError) as error:
            self.core.close()
            raise ServeError(
                f"cannot listen on {address}; is another daemon running there? Stop it or choose another address"
            ) from error
        self._server.start()
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        bound = address if address.startswith("unix") else f"{address.rpartition(':')[0]}:{port}"
        logger.info("listening on %s", bound)
        return bound

    def stop(self, grace_s: float | None = None) -> None:
        """Holds the arm, lets calls finish, then closes the devices. Safe to call twice and from any thread.

        Args:
            grace_s: How long calls may take, s; the configured time when left out.
        """
        with self._stop_lock:
            if self._stopped.is_set():
                return
            self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
            self.core.drain()
            for places in self._places:
                places.drain()
            self._server.stop(self._config.drain_grace_s if grace_s is None else grace_s).wait()
            self.core.close()
            self._pool.shutdown(wait=True)
            self._stopped.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until the server has stopped; returns whether it has."""
        return self._stopped.wait(timeout_s)

    def _register(self, extra: Sequence[Register]) -> None:
        streams, control_streams = self._places
        robot = RobotServicer(self.core, streams, control_streams)
        robot_service_pb2_grpc.add_RobotServiceServicer_to_server(robot, self._server)
        camera_service_pb2_grpc.add_CameraServiceServicer_to_server(CameraServicer(self.core, streams), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._service_names = [
            robot_service_pb2.DESCRIPTOR.services_by_name["RobotService"].full_name,
            camera_service_pb2.DESCRIPTOR.services_by_name["CameraService"].full_name,
        ]
        for register in extra:
            register(self._server, self.core)
            self._service_names.extend(getattr(register, "service_names", ()))
        listed = [*self._service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(listed, self._server)

    def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in ("", *self._service_names):
            self._health.set(name, status)


def serve_until_signal(server: DaemonServer, *, ready_file: Path | None = None) -> None:
    """Serves until SIGINT or SIGTERM, then holds the arm, drains and closes the devices. A second signal exits at once.

    Must be called by the main thread.

    Args:
        server: Not yet started.
        ready_file: Gets the bound address, atomically, once calls are answered; removed at the end.

    Raises:
        ServeError: The address is in use or cannot be bound.
    """
    asked = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            os._exit(128 + number)
        asked.set()

    former = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        address = server.start()
        if ready_file is not None:
            _write_atomically(ready_file, address)
        asked.wait()
        logger.info("stopping; the arm holds")
        server.stop()
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        for number, handler in former.items():
            signal.signal(number, handler)


def _write_atomically(path: Path, text: str) -> None:
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_text(f"{text}\n", encoding="utf-8")
    scratch.replace(path)


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
