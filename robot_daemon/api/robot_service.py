"""Implements `serl.robot.v1.RobotService`."""

import math
import threading
import time
from collections.abc import Iterator

import grpc
from serl.robot.v1 import robot_service_pb2 as messages
from serl.robot.v1 import robot_service_pb2_grpc

from robot_daemon.api.control_stream import ControlStream
from robot_daemon.api.estop_stream import EStopStream
from robot_daemon.api.refusals import refusing, refusing_stream
from robot_daemon.api.response_builder import ResponseBuilder
from robot_daemon.api.stream_slots import StreamSlots
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.session import ControlSession
from serl_api.codec.times import encode_wall_time
from serl_api.errors.robot import LimitExceededError

DEFAULT_STATE_RATE_HZ = 10.0
MAX_STATE_RATE_HZ = 1000.0


class RobotServicer(robot_service_pb2_grpc.RobotServiceServicer):
    """Serves one arm and its gripper."""

    def __init__(
        self, core: DaemonCore, streams: StreamSlots, control_streams: StreamSlots, estop_streams: StreamSlots
    ) -> None:
        self._core = core
        self._responses = ResponseBuilder(core)
        self._streams = streams
        self._control_streams = control_streams
        self._estop_streams = estop_streams

    @refusing
    def GetInfo(self, request: messages.GetInfoRequest, context: grpc.ServicerContext) -> messages.GetInfoResponse:
        """Describes the cell."""
        return self._responses.info()

    @refusing
    def GetState(self, request: messages.GetStateRequest, context: grpc.ServicerContext) -> messages.GetStateResponse:
        """Returns the newest robot state."""
        return messages.GetStateResponse(state=self._responses.state())

    @refusing_stream()
    def StreamState(
        self, request: messages.StreamStateRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.StreamStateResponse]:
        """Streams robot states at a rate; skips what a slow reader missed."""
        rate = request.rate_hz or DEFAULT_STATE_RATE_HZ
        if not 0.0 < rate <= MAX_STATE_RATE_HZ:
            raise LimitExceededError.outside("rate_hz", rate, lower=0.0, upper=MAX_STATE_RATE_HZ, unit="Hz")
        with self._streams.take(context) as ended:
            due = time.monotonic()
            while True:
                yield messages.StreamStateResponse(state=self._responses.state())
                due += math.ceil(max(time.monotonic() - due, 1e-9) * rate) / rate
                if ended.wait(min(max(0.0, due - time.monotonic()), threading.TIMEOUT_MAX)):  # Rates may be tiny.
                    break

    @refusing_stream(in_control_stream=True)
    def Control(
        self, request_iterator: Iterator[messages.ControlRequest], context: grpc.ServicerContext
    ) -> Iterator[messages.ControlResponse]:
        """Opens a control session that lives as long as the call."""
        core = self._core

        def tie_to_call(session: ControlSession) -> None:
            if not context.add_callback(lambda: core.release(session)):
                core.release(session)

        with self._control_streams.take(context):
            yield from ControlStream(core, self._responses, request_iterator, context.peer(), tie_to_call).serve()

    @refusing
    def Stop(self, request: messages.StopRequest, context: grpc.ServicerContext) -> messages.StopResponse:
        """Stops the arm at once and latches."""
        self._core.stop(request.client_name, request.text)
        return messages.StopResponse(state=self._responses.state())

    @refusing_stream()
    def EStop(
        self, request_iterator: Iterator[messages.EStopRequest], context: grpc.ServicerContext
    ) -> Iterator[messages.EStopResponse]:
        """Arms an e-stop endpoint that lives as long as the call."""
        with self._estop_streams.take(context):
            yield from EStopStream(self._core, request_iterator).serve()

    @refusing
    def ClearStop(
        self, request: messages.ClearStopRequest, context: grpc.ServicerContext
    ) -> messages.ClearStopResponse:
        """Releases the latch."""
        self._core.clear_stop(request.client_name)
        return messages.ClearStopResponse(state=self._responses.state())

    @refusing
    def RecoverFromFault(
        self, request: messages.RecoverFromFaultRequest, context: grpc.ServicerContext
    ) -> messages.RecoverFromFaultResponse:
        """Clears faults."""
        cleared, remaining = self._core.recover(request.fault_ids, request.client_name)
        return messages.RecoverFromFaultResponse(
            cleared_faults=self._responses.faults(cleared), remaining_faults=self._responses.faults(remaining)
        )

    @refusing
    def SyncTime(self, request: messages.SyncTimeRequest, context: grpc.ServicerContext) -> messages.SyncTimeResponse:
        """Exchanges time stamps."""
        now_ns = self._core.cell.timebase.now_ns
        received = now_ns()
        wall = encode_wall_time(time.time_ns())
        return messages.SyncTimeResponse(
            client_send_time_ns=request.client_send_time_ns,
            daemon_receive_time_ns=received,
            daemon_wall_time=wall,
            daemon_send_time_ns=now_ns(),
        )

    @refusing
    def ListFaults(
        self, request: messages.ListFaultsRequest, context: grpc.ServicerContext
    ) -> messages.ListFaultsResponse:
        """Returns faults, newest first."""
        faults = self._core.active_cell.faults
        faults.refresh()
        return messages.ListFaultsResponse(
            active_faults=self._responses.faults(faults.active), cleared_faults=self._responses.faults(faults.cleared)
        )
