"""Connects a client of one service, which may share the connection of a `RobotClient`."""

from __future__ import annotations

from typing import Unpack

from serl_api.lifetime.closing import ClosedOnExit
from serl_client.connection.channel import Connection, ConnectionOptions


class ServiceClient(ClosedOnExit):
    """Holds the connection of a client. Connects when made; a context manager. Safe to use from several threads.

    Args:
        target: Address, or the connection of another client, which then stays the owner.
        options: Token, certificate and deadlines: see `Connection`, which says what is raised as well.
    """

    def __init__(self, target: str | Connection, **options: Unpack[ConnectionOptions]) -> None:
        self._owns_connection = isinstance(target, str)
        self.connection = Connection(target, **options) if isinstance(target, str) else target

    def close(self) -> None:
        """Closes the connection, if this client opened it; open sessions and streams end."""
        if self._owns_connection:
            self.connection.close()
