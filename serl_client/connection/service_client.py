"""Connects a client of one service, which may share the connection of a `RobotClient`."""

from __future__ import annotations

from pathlib import Path

from serl_api.lifetime.closing import ClosedOnExit
from serl_client.connection.channel import CONNECT_TIMEOUT_S, TIMEOUT_S, Connection


class ServiceClient(ClosedOnExit):
    """Holds what `CameraClient` and `SimulatorClient` share. A context manager.

    Args:
        target: Address, or the connection of a `RobotClient`, which then stays the owner.
        token: Bearer token, where the daemon wants one.
        tls_root: PEM file with the certificate that signed the daemon's; None for a plain connection.
        timeout_s: Deadline of a call.
        connect_timeout_s: How long to try the address.

    Raises:
        AddressError: The address, the token or the certificate cannot be used.
        ConnectionLostError: No daemon answered in time.
    """

    def __init__(
        self,
        target: str | Connection,
        *,
        token: str | None = None,
        tls_root: Path | str | None = None,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._owns_connection = isinstance(target, str)
        if isinstance(target, str):
            self._connection = Connection.ready(
                target, token=token, tls_root=tls_root, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s
            )
        else:
            self._connection = target

    def close(self) -> None:
        """Closes the connection, if this client opened it."""
        if self._owns_connection:
            self._connection.close()
