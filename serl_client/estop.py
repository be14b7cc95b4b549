"""Implements an e-stop endpoint: answers the daemon's challenges, so that the arm stops when this process does not."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import grpc
from serl.robot.v1 import robot_service_pb2, robot_service_pb2_grpc

from serl_api.codec.times import encode_duration
from serl_api.enums import ArmMode
from serl_api.errors.robot import RobotError, SessionClosedError, robot_error
from serl_api.lifetime.closing import ClosedOnExit
from serl_client.connection.channel import Connection


@dataclass(frozen=True)
class EStopStatus:
    """Says what the daemon said with its last challenge."""

    mode: ArmMode
    """What the arm is doing."""
    stop_latched: bool
    """Whether `Stop` is latched."""
    control_holder: str
    """Who holds the control session; empty when nobody does."""


class EStop(ClosedOnExit):
    """An armed e-stop endpoint. Arms itself when made; safe from any thread.

    The arm stops when `press` is called, when this process ends, hangs or is stopped, and when the network is silent:
    within `timeout_s` and a little. Software on an ordinary network: it is NOT a safety-rated emergency stop.

    Args:
        connection: To the daemon.
        client_name: Shown to others.
        timeout_s: How long an answer to a challenge may take, from 0.1 to 0.5 s.

    Raises:
        LimitExceededError: The timeout is out of bounds.
        TooManyStreamsError: As many endpoints are armed as the daemon allows.
        ConnectionLostError: The daemon cannot be reached.
    """

    def __init__(self, connection: Connection, client_name: str, *, timeout_s: float = 0.5) -> None:
        self._address = connection.address
        self._requests: SimpleQueue[robot_service_pb2.EStopRequest | None] = SimpleQueue()
        arm = robot_service_pb2.ArmEStop(client_name=client_name)
        arm.timeout.CopyFrom(encode_duration(timeout_s))
        self._requests.put(robot_service_pb2.EStopRequest(arm=arm))
        stub = robot_service_pb2_grpc.RobotServiceStub(connection.channel)
        self._call: Any = stub.EStop(iter(self._requests.get, None))
        self._changed = threading.Condition()
        self._status: EStopStatus | None = None
        self._end: RobotError | None = None
        threading.Thread(target=self._answer, name="estop", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: self._status is not None or self._end is not None)
        self.require_armed()

    @property
    def status(self) -> EStopStatus:
        """Returns what the daemon said last."""
        assert self._status is not None
        return self._status

    def require_armed(self) -> None:
        """Raises why the endpoint is not armed any more, if it is not."""
        if self._end is not None:
            raise self._end

    def press(self, text: str = "") -> None:
        """Stops the arm at once and latches; `RobotClient.clear_stop` leads out. The endpoint stays armed."""
        self._requests.put(robot_service_pb2.EStopRequest(press=robot_service_pb2.PressEStop(text=text)))

    def wait_for_change(self, timeout_s: float) -> None:
        """Returns when the daemon has said something new, when the endpoint is not armed any more, or after a time."""
        with self._changed:
            self._changed.wait(timeout_s)

    def close(self) -> None:
        """Leaves in order, and nothing stops. Safe to repeat."""
        self._requests.put(robot_service_pb2.EStopRequest(release=robot_service_pb2.ReleaseEStop()))
        self._requests.put(None)
        with self._changed:
            self._changed.wait_for(lambda: self._end is not None, timeout=2.0)
        self._call.cancel()

    def _answer(self) -> None:
        end: RobotError = SessionClosedError("the e-stop endpoint was released; arm another")
        try:
            for response in self._call:
                self._requests.put(robot_service_pb2.EStopRequest(challenge=response.challenge))
                status = EStopStatus(ArmMode(response.mode), response.stop_latched, response.control_holder)
                with self._changed:
                    self._status = status
                    self._changed.notify_all()
        except grpc.RpcError as error:
            end = robot_error(error, self._address)
        with self._changed:
            self._end = end
            self._changed.notify_all()
        self._requests.put(None)
