"""Implements a typed, synchronous client of one robot daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Unpack

from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

from serl_api.cell import CellInfo
from serl_api.codec.cell import decode_cell_info
from serl_api.codec.state import decode_faults, decode_state
from serl_api.enums import SessionClass
from serl_api.values import Compliance, FaultList, RecoveryResult, RobotState
from serl_client.connection.channel import CONNECT_TIMEOUT_S, Connection, ConnectionOptions, ServiceClient
from serl_client.connection.client_name import default_client_name
from serl_client.connection.clock import ClockOffset, TimeExchange, best_offset
from serl_client.estop import EStop
from serl_client.session import ControlSession


class RobotClient(ServiceClient):
    """Reads and commands one arm. Connects when made; a context manager. Safe to use from several threads.

    Args:
        address: `host:port` or `unix:/path`, or the connection of another client, which then stays the owner.
        options: `token`: bearer token, where the daemon wants one. `tls_root`: PEM file with the certificate that
            signed the daemon's; None for a plain connection. `timeout_s`: deadline of a call. `connect_timeout_s`: how
            long to try the address.

    Raises:
        AddressError: The address, the token or the certificate cannot be used.
        ConnectionLostError: No daemon answered in time.
        AuthenticationError: The token is missing or wrong.
    """

    def __init__(self, address: str | Connection, **options: Unpack[ConnectionOptions]) -> None:
        super().__init__(address, **options)
        self._stub = robot_service_pb2_grpc.RobotServiceStub(self.connection.channel)
        self.info = decode_cell_info(self.connection.facts)
        """Facts of the cell, as of the last connection or `refresh_info`."""

    @property
    def address(self) -> str:
        """Returns the address of the daemon."""
        return self.connection.address

    def refresh_info(self) -> CellInfo:
        """Asks for the facts of the cell again: cameras come and go, a simulator may load another task."""
        response = self.connection.call(self._stub.GetInfo, robot_service_pb2.GetInfoRequest())
        self.info = decode_cell_info(response)
        return self.info

    def reconnect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> CellInfo:
        """Waits until the daemon answers again and asks for its facts; a new `boot_id` means that it restarted.

        Raises:
            ConnectionLostError: It did not answer in time.
        """
        self.info = decode_cell_info(self.connection.wait_ready(timeout_s))
        return self.info

    def get_state(self) -> RobotState:
        """Returns the newest robot state."""
        response = self.connection.call(self._stub.GetState, robot_service_pb2.GetStateRequest())
        return decode_state(response.state)

    def stream_states(self, rate_hz: float = 10.0) -> Iterator[RobotState]:
        """Streams robot states as they come; latest wins. Closing the iterator ends the stream.

        Args:
            rate_hz: States a second, in (0, 1000].

        Raises:
            TooManyStreamsError: The daemon serves as many streams as it allows.
            ConnectionLostError: The daemon went away.
        """
        request = robot_service_pb2.StreamStateRequest(rate_hz=rate_hz)
        return self.connection.stream(self._stub.StreamState, request, lambda response: decode_state(response.state))

    def control(
        self,
        client_name: str | None = None,
        compliance: Compliance | None = None,
        *,
        session_class: SessionClass = SessionClass.LEARNER,
        take_over: bool = False,
    ) -> ControlSession:
        """Opens a control session: the only way to move anything.

        Args:
            client_name: Shown to others while it holds the arm; None is user, machine and process.
            compliance: Compliance to start with; fields that are None keep the daemon's.
            session_class: Who stands behind the session: a program that can wait, or a person.
            take_over: Whether to take the arm from a session of a lower class. Its client gets ControlTakenError; an
                actor waits, and goes on when this session has ended.

        Raises:
            ControlHeldError: Another client holds the arm, and it was not or may not be taken over.
            FaultError: The arm is faulted.
            StopLatchedError: `Stop` is latched.
        """
        return ControlSession(
            self.connection,
            client_name or default_client_name(),
            compliance,
            session_class=session_class,
            take_over=take_over,
        )

    def stop(self, text: str = "", client_name: str | None = None) -> RobotState:
        """Stops the arm at once and latches. Software on an ordinary network: NOT a safety-rated emergency stop."""
        request = robot_service_pb2.StopRequest(client_name=client_name or default_client_name(), text=text)
        return decode_state(self.connection.call(self._stub.Stop, request).state)

    def arm_estop(self, client_name: str | None = None, *, timeout_s: float = 0.5) -> EStop:
        """Arms an e-stop endpoint in this process; see `EStop`.

        Args:
            client_name: Shown to others.
            timeout_s: How long this process may be silent before the arm stops, from 0.1 to 0.5 s.
        """
        return EStop(self.connection, client_name or default_client_name(), timeout_s=timeout_s)

    def clear_stop(self, client_name: str | None = None) -> RobotState:
        """Releases the latch of `stop`. Moves nothing."""
        request = robot_service_pb2.ClearStopRequest(client_name=client_name or default_client_name())
        return decode_state(self.connection.call(self._stub.ClearStop, request).state)

    def recover(self, fault_ids: Sequence[str] = (), client_name: str | None = None) -> RecoveryResult:
        """Clears faults that can be cleared, all active ones when none are named; nothing else ever does.

        Raises:
            NotFoundError: No such fault is active.
        """
        request = robot_service_pb2.RecoverFromFaultRequest(
            fault_ids=fault_ids, client_name=client_name or default_client_name()
        )
        response = self.connection.call(self._stub.RecoverFromFault, request)
        return RecoveryResult(
            cleared=decode_faults(response.cleared_faults),
            remaining=decode_faults(response.remaining_faults),
        )

    def list_faults(self) -> FaultList:
        """Lists the faults that are active, and the last ones that were cleared."""
        response = self.connection.call(self._stub.ListFaults, robot_service_pb2.ListFaultsRequest())
        return FaultList(active=decode_faults(response.active_faults), cleared=decode_faults(response.cleared_faults))

    def sync_time(self, samples: int = 16) -> ClockOffset:
        """Maps the daemon's monotonic clock to `time.monotonic_ns`.

        Args:
            samples: Exchanges to try, at least 1.

        Raises:
            ValueError: `samples` is below 1.
        """
        if samples < 1:
            raise ValueError(f"samples is {samples}; it must be at least 1")
        return best_offset([self._exchange_time() for _ in range(samples)])

    def _exchange_time(self) -> TimeExchange:
        sent_ns = time.monotonic_ns()
        request = robot_service_pb2.SyncTimeRequest(client_send_time_ns=sent_ns)
        response = self.connection.call(self._stub.SyncTime, request)
        return TimeExchange(
            client_send_ns=sent_ns,
            daemon_receive_ns=response.daemon_receive_time_ns,
            daemon_send_ns=response.daemon_send_time_ns,
            client_receive_ns=time.monotonic_ns(),
        )
