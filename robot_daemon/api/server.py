"""Serves a cell: builds, secures, drains and stops a gRPC server; health and reflection included."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from serl.robot.v1 import camera_service_pb2, camera_service_pb2_grpc, robot_service_pb2, robot_service_pb2_grpc

from robot_daemon.api.camera_service import CameraServicer
from robot_daemon.api.response_builder import daemon_version
from robot_daemon.api.robot_service import RobotServicer
from robot_daemon.api.stream_slots import StreamSlots
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig, SyncConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.events import EventListener
from robot_daemon.hardware.devices import Cell, Compliance, Pacing
from serl_api.errors.robot import ROBOT_ERRORS, AuthenticationError, DeviceUnavailableError
from serl_api.security import KEEPALIVE_OPTIONS

logger = logging.getLogger(__name__)

UNARY_WORKERS = 8
"""Workers that streams can never take."""

REST_RAD_PER_S = 0.02
"""Joint speed below which an arm stands still, rad/s; above the noise of measured speeds."""

REST_LIMIT_S = 2.0
"""How long an arm that holds may take to stand still, s."""

CLOSE_LIMIT_S = 8.0
"""How long the devices may take to close, s."""

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.so_reuseport", 0),  # A port in use must be an error, not a second daemon on it.
    *KEEPALIVE_OPTIONS,
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
        listeners: Hear what happens; closed by `stop`.

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
        listeners: Sequence[EventListener] = (),
    ) -> None:
        config.require_safe(config.address)
        self._config = config
        self._credentials = config.credentials()
        interceptors = config.interceptors(_refuse_token)
        workers = UNARY_WORKERS + config.max_streams + config.max_control_streams
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="rpc")
        self._server = grpc.server(self._pool, interceptors=interceptors, options=list(CHANNEL_OPTIONS))
        self._health = health.HealthServicer()
        self._stopped = threading.Event()
        self._hurried = threading.Event()
        self._stop_lock = threading.Lock()
        self._places = [
            StreamSlots("state and frame", config.max_streams),
            StreamSlots("control", config.max_control_streams),
        ]
        self.core = DaemonCore(cell, limits, sync=sync, compliance=compliance, listeners=listeners)
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
        self._tell_started(bound)
        return bound

    def stop(self, grace_s: float | None = None) -> None:
        """Holds the arm, lets calls finish and the arm come to rest, then closes the devices.

        Safe to call twice and from any thread.

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
            is_at_rest = await_rest(self.core.cell, self._hurried)
            self.core.emit("daemon_stopped", warning=not is_at_rest, at_rest=is_at_rest)
            self.core.close()
            self._pool.shutdown(wait=True)
            self._stopped.set()

    def hurry(self) -> None:
        """Lets a `stop` under way cut off calls, and let go of the arm before it rests."""
        self._hurried.set()
        self._server.stop(0.0)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until the server has stopped; returns whether it has."""
        return self._stopped.wait(timeout_s)

    @property
    def stop_limit_s(self) -> float:
        """How long `stop` may take, s; longer means that a device hangs."""
        return self._config.drain_grace_s + REST_LIMIT_S + CLOSE_LIMIT_S

    def _tell_started(self, address: str) -> None:
        cell = self.core.cell
        self.core.emit(
            "daemon_started",
            address=address,
            cell=cell.name,
            backend=cell.backend.name.lower(),
            arm=cell.arm.info.model,
            gripper="" if cell.gripper is None else cell.gripper.info.model,
            cameras=",".join(cell.cameras),
            version=daemon_version(),
            boot_id=self.core.boot_id,
        )

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


def await_rest(cell: Cell, hurried: threading.Event) -> bool:
    """Waits until an arm that was told to hold stands still, within a bound.

    Args:
        cell: Its arm; in lockstep time stands still, and so does the arm.
        hurried: Ends the wait when set.

    Returns:
        Whether the arm stands still, as far as it says.
    """
    deadline = time.monotonic() + REST_LIMIT_S
    while cell.timebase.pacing is not Pacing.LOCKSTEP:
        try:
            fastest = float(np.abs(cell.arm.read_state().joint_velocities).max())
        except DeviceUnavailableError:
            return False
        if fastest <= REST_RAD_PER_S:
            return True
        if time.monotonic() >= deadline or hurried.wait(0.02):
            return False
    return True


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


def _refuse_token(context: grpc.ServicerContext) -> NoReturn:
    text = "the bearer token is missing or wrong; send metadata `authorization: Bearer TOKEN`"
    ROBOT_ERRORS.abort(context, AuthenticationError(text))
