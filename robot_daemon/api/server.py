"""Serves a cell: its services, and the order in which it comes to rest."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from serl.robot.v1 import camera_service_pb2, camera_service_pb2_grpc, robot_service_pb2, robot_service_pb2_grpc

from robot_daemon.api.camera_service import CameraServicer
from robot_daemon.api.estop_stream import MAX_ESTOPS
from robot_daemon.api.refusals import REFUSALS
from robot_daemon.api.response_builder import daemon_version
from robot_daemon.api.robot_service import RobotServicer
from robot_daemon.api.stream_slots import StreamSlots
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig, SyncConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.events import EventListener
from robot_daemon.hardware.devices import Cell
from serl_api.enums import Pacing
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.server import RESERVED_WORKERS, ApiServer, ServeError
from serl_api.values import FullCompliance

UNARY_WORKERS = 8
"""Workers that streams can never take."""

URGENT_METHODS: Mapping[str, int] = {
    "/serl.robot.v1.RobotService/Stop": RESERVED_WORKERS,
    "/serl.robot.v1.RobotService/EStop": MAX_ESTOPS + RESERVED_WORKERS,
}
"""Methods that no other call can delay, however many wait, and their workers."""

REST_RAD_PER_S = 0.02
"""Joint speed below which an arm stands still, rad/s; above the noise of measured speeds."""

REST_LIMIT_S = 2.0
"""How long an arm that holds may take to stand still, s."""

CLOSE_LIMIT_S = 8.0
"""How long the devices may take to close, s."""

Register = Callable[[ApiServer, DaemonCore], None]


class DaemonServer:
    """One cell behind one address.

    Args:
        cell: Devices; closed by `stop`.
        config: Where to listen and whom to let in.
        limits: Bounds for every client.
        extra: Adds further services to the server, such as the simulator's.
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
        compliance: FullCompliance | None = None,
        listeners: Sequence[EventListener] = (),
    ) -> None:
        self._config = config
        workers = UNARY_WORKERS + config.max_streams + config.max_control_streams
        self._server = ApiServer(config.address, config, refusals=REFUSALS, workers=workers, urgent=URGENT_METHODS)
        self._stopped = threading.Event()
        self._hurried = threading.Event()
        self._stop_lock = threading.Lock()
        self._slots = [
            StreamSlots("state and frame", config.max_streams),
            StreamSlots("control", config.max_control_streams),
        ]
        self.core = DaemonCore(cell, limits, sync=sync, compliance=compliance, listeners=listeners)
        self._register(extra)

    def start(self) -> str:
        """Begins to serve, and returns the bound address, with the port that was picked when 0 was asked for.

        Raises:
            ServeError: The address is in use or cannot be bound.
        """
        try:
            address = self._server.start()
        except ServeError:
            self.core.close()
            raise
        self._log_started(address)
        return address

    def stop(self, grace_s: float | None = None) -> None:
        """Holds the arm, lets calls finish and the arm come to rest, then closes the devices.

        Safe to call twice and from any thread.

        Args:
            grace_s: How long calls may take, s; the configured time when left out.
        """
        with self._stop_lock:
            if self._stopped.is_set():
                return
            self._server.drain()
            self.core.drain()
            for slots in self._slots:
                slots.drain()
            self._server.stop(self._config.drain_grace_s if grace_s is None else grace_s)
            is_at_rest = await_rest(self.core.cell, self._hurried)
            self.core.emit("daemon_stopped", warning=not is_at_rest, at_rest=is_at_rest)
            self.core.close()
            self._server.join()
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

    def _log_started(self, address: str) -> None:
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
        streams, control_streams = self._slots
        self._server.add(
            robot_service_pb2_grpc.add_RobotServiceServicer_to_server,
            RobotServicer(self.core, streams, control_streams, StreamSlots("e-stop", MAX_ESTOPS)),
            robot_service_pb2.DESCRIPTOR.services_by_name["RobotService"],
        )
        self._server.add(
            camera_service_pb2_grpc.add_CameraServiceServicer_to_server,
            CameraServicer(self.core, streams),
            camera_service_pb2.DESCRIPTOR.services_by_name["CameraService"],
        )
        for register in extra:
            register(self._server, self.core)


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
