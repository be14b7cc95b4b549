"""Holds an environment's private simulator, client and session, and closes them together."""

from __future__ import annotations

import contextlib
from pathlib import Path

from serl_api.enums import Backend
from serl_api.errors.robot import ConnectionLostError, NotEquippedError
from serl_api.values import Frame
from serl_client.camera import CameraClient
from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.envs.task import Task
from serl_client.robot import RobotClient
from serl_client.session import ControlSession
from serl_client.simulator import SimulatorClient

_PRIVATE_ATTEMPTS, _PRIVATE_TIMEOUT_S = 10, 1.0


class EnvLink:
    """Connects an environment, and reconnects it. Connects when made.

    Args:
        task: Says which scene a private simulator loads, and with which compliance a session opens.
        wrench_control: Whether a private simulator takes wrenches.
        address: Of the daemon; None starts a private simulator.
        token: Bearer token.
        tls_root: PEM file with the certificate that signed the daemon's.
        tls_identity: PEM file with the client's key and certificate, where the daemon asks for one.
        client_name: Shown to others while a session is open.
    """

    def __init__(
        self,
        task: Task,
        *,
        wrench_control: bool = False,
        address: str | None,
        token: str | None,
        tls_root: Path | str | None,
        tls_identity: Path | str | None = None,
        client_name: str,
    ) -> None:
        self._task = task
        self._wrench_control = wrench_control
        self._address = address
        self._token = token
        self._tls_root = tls_root
        self._tls_identity = tls_identity
        self._client_name = client_name
        self._private: PrivateSimulator | None = None
        self._client: RobotClient | None = None
        self._is_closed = False
        self.session: ControlSession | None = None
        self._connect()

    @property
    def client(self) -> RobotClient:
        """Returns the client of the daemon.

        Raises:
            ConnectionLostError: The environment is closed.
        """
        if self._client is None:
            raise ConnectionLostError("the environment is closed; make another")
        return self._client

    @property
    def simulator(self) -> SimulatorClient:
        """Returns the client of the simulator behind the daemon."""
        return SimulatorClient(self.client.connection)

    def get_frame(self) -> Frame:
        """Returns the newest frame of the cell's first camera.

        Raises:
            NotEquippedError: The cell has no camera.
        """
        cameras = list(self.client.info.cameras)
        if not cameras:
            raise NotEquippedError(f"cell {self.client.info.cell_name} has no camera to render from")
        return CameraClient(self.client.connection).get_frame(cameras[0])

    def open_session(self) -> ControlSession:
        """Returns the open session, or a new one over a connection that is renewed if need be."""
        if self.session is not None and not self.session.is_closed:
            return self.session
        if self._is_closed:
            raise ConnectionLostError("the environment is closed; make another")
        self.session = None
        if self._private is None:
            self.client.reconnect()
        elif not self._answers(self._private):
            self._disconnect()
            self._connect()
        self.session = self.client.control(self._client_name, self._task.compliance)
        return self.session

    def _answers(self, private: PrivateSimulator) -> bool:
        """Returns whether the private simulator does; one that has died is known within a second."""
        for _ in range(_PRIVATE_ATTEMPTS):
            if not private.is_running:
                return False
            with contextlib.suppress(ConnectionLostError):
                self.client.reconnect(_PRIVATE_TIMEOUT_S)
                return True
        return False

    def recover_simulation(self) -> None:
        """Clears the faults of a simulated arm. One that persists, because time stands still, goes with its scene."""
        result = self.client.recover()
        if result.remaining and self.client.info.backend is Backend.SIMULATED:
            self.drop_session()
            self.simulator.load_task(self._task.scene)

    def drop_session(self) -> None:
        """Closes the session, if one is open."""
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def close(self) -> None:
        """Closes everything. Safe to repeat."""
        self._is_closed = True
        self._disconnect()

    def _connect(self) -> None:
        try:
            if self._address is None:
                self._private = PrivateSimulator(self._task.scene, wrench_control=self._wrench_control)
            address = self._address if self._private is None else self._private.address
            assert address is not None
            self._client = RobotClient(
                address, token=self._token, tls_root=self._tls_root, tls_identity=self._tls_identity
            )
        except BaseException:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        try:
            self.drop_session()
        finally:
            client, self._client = self._client, None
            private, self._private = self._private, None
            try:
                if client is not None:
                    client.close()
            finally:
                if private is not None:
                    private.close()
