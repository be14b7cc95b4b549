"""Connects to the one client: commands over TCP, states and motion commands over UDP."""

import logging
import select
import socket

import numpy as np

from simulator.virtual.fci.protocol import (
    LONGEST_REQUEST,
    MOTION_COMMAND,
    Command,
    ConnectStatus,
    ProtocolError,
    Request,
    pack_response,
    pack_version,
    parse_connect,
    take_request,
)

logger = logging.getLogger(__name__)


class ClientLink:
    """Listens for one client at a time. Everything is non-blocking; `poll` is called once a cycle.

    Args:
        host: Address to listen on.
        port: TCP port; 0 picks one.
        version: Server version to speak.

    Raises:
        OSError: The address cannot be served.
    """

    def __init__(self, host: str, port: int, version: int) -> None:
        self._host = host
        self._version = version
        self._listener = socket.create_server((host, port), backlog=4)
        self._listener.settimeout(0.0)
        self.port: int = self._listener.getsockname()[1]
        """TCP port it listens on."""
        self._poller = select.poll()
        self._poller.register(self._listener, select.POLLIN)
        self._connection: socket.socket | None = None
        self._states: socket.socket | None = None
        self._client_host = ""
        self._buffer = bytearray()
        self._incoming = bytearray(2 * MOTION_COMMAND.itemsize)
        self.command: np.void = np.frombuffer(self._incoming, dtype=MOTION_COMMAND)[0]
        """Last motion command that `receive_command` has read."""

    @property
    def is_connected(self) -> bool:
        """Returns whether a client has connected and agreed on the version."""
        return self._states is not None

    @property
    def client_host(self) -> str | None:
        """Returns the address of the connected client, with or without an agreed version."""
        return None if self._connection is None else self._client_host

    def close(self) -> None:
        """Closes all sockets."""
        self.drop("the server ends")
        self._listener.close()

    def poll(self) -> list[Request]:
        """Accepts, reads, and returns whole requests; CONNECT is answered here."""
        ready = [descriptor for descriptor, _ in self._poller.poll(0)]
        requests: list[Request] = []
        # The end of the old connection before the new one: a client may have done both since the last cycle.
        if self._connection is not None and self._connection.fileno() in ready:
            requests = self._read()
        if self._listener.fileno() in ready:
            self._accept()
        return requests

    def answer(self, message: bytes) -> None:
        """Sends an answer over TCP."""
        if self._connection is None:
            return
        try:
            self._connection.sendall(message)
        except OSError as error:
            self.drop(f"its connection broke ({error})")

    def send_state(self, buffer: bytearray | bytes) -> None:
        """Sends a state; a client that does not listen is not noticed here."""
        if self._states is not None:
            try:
                self._states.send(buffer)
            except OSError:
                return

    def receive_command(self) -> bool:
        """Reads one motion command into `command`; False when there is none."""
        if self._states is None:
            return False
        try:
            size = self._states.recv_into(self._incoming)
        except OSError:
            return False
        if size != MOTION_COMMAND.itemsize:
            self.drop(f"it sent a motion command of {size} bytes instead of {MOTION_COMMAND.itemsize}")
            return False
        return True

    def drop(self, reason: str) -> None:
        """Closes the connection to the client."""
        if self._connection is None:
            return
        logger.info("client %s has gone: %s", self._client_host, reason)
        self._poller.unregister(self._connection)
        self._connection.close()
        self._connection = None
        if self._states is not None:
            self._states.close()
            self._states = None
        self._buffer.clear()

    def _accept(self) -> None:
        try:
            connection, (client_host, _) = self._listener.accept()
        except OSError:
            return
        if self._connection is not None:
            logger.warning("client %s refused: %s is connected, and an arm obeys one", client_host, self._client_host)
            connection.close()
            return
        connection.settimeout(0.0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection, self._client_host = connection, client_host
        self._poller.register(connection, select.POLLIN)

    def _read(self) -> list[Request]:
        assert self._connection is not None
        try:
            data = self._connection.recv(16 * LONGEST_REQUEST)
        except BlockingIOError:
            return []
        except OSError as error:
            self.drop(str(error))
            return []
        if not data:
            self.drop("it closed the connection")
            return []
        self._buffer += data
        requests: list[Request] = []
        try:
            while (request := take_request(self._buffer)) is not None:
                if request.command is Command.CONNECT:
                    self._greet(request)
                elif not self.is_connected:
                    raise ProtocolError(f"{request.command.name} came before CONNECT")
                else:
                    requests.append(request)
        except ProtocolError as error:
            self.drop(str(error))
        return requests

    def _greet(self, request: Request) -> None:
        version, udp_port = parse_connect(request.payload)
        fits = version == self._version
        status = ConnectStatus.SUCCESS if fits else ConnectStatus.INCOMPATIBLE_VERSION
        self.answer(pack_response(Command.CONNECT, request.command_id, status, pack_version(self._version)))
        if not fits:
            raise ProtocolError(f"it speaks version {version}, this server {self._version}")
        states = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        states.settimeout(0.0)
        states.bind((self._host, 0))
        states.connect((self._client_host, udp_port))
        self._states = states
        logger.info("client %s connected, states go to UDP port %d", self._client_host, udp_port)
