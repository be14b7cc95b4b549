"""Answers calls while devices of the cell cannot be reached: says which, remembers a `Stop`, and moves nothing."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from serl.robot.v1 import (
    camera_service_pb2,
    camera_service_pb2_grpc,
    robot_service_pb2,
    robot_service_pb2_grpc,
    state_pb2,
)

from robot_daemon.api.refusals import REFUSALS, refusing
from robot_daemon.api.server import UNARY_WORKERS, URGENT_METHODS
from robot_daemon.config.cell_config import ServerConfig
from robot_daemon.control.mode import Stopped
from robot_daemon.hardware.devices import DeviceFault
from serl_api.codec.state import encode_fault
from serl_api.enums import FaultSeverity, FaultSource
from serl_api.errors.robot import ROBOT_ERRORS, DeviceUnavailableError
from serl_api.server import ApiServer

_ROBOT = robot_service_pb2.DESCRIPTOR.services_by_name["RobotService"]
_CAMERA = camera_service_pb2.DESCRIPTOR.services_by_name["CameraService"]
_SOURCES: Mapping[str, FaultSource] = {
    "arm": FaultSource.ARM,
    "gripper": FaultSource.GRIPPER,
    "cameras": FaultSource.CAMERA,
}


class MissingDevices:
    """Holds which devices of a cell are missing, since when, and whether somebody stopped the arm meanwhile."""

    def __init__(self, cell_name: str) -> None:
        self._cell_name = cell_name
        self._faults: dict[str, DeviceFault] = {}
        self.stopped: Stopped | None = None
        """Who latched `Stop`; the cell begins stopped then."""

    def update(self, missing: Mapping[str, str]) -> bool:
        """Takes in what is wrong with each missing device, by the key of its table; returns whether that is news."""
        before = [fault.text for fault in self._faults.values()]
        self._faults = {where: self._fault(where, text) for where, text in missing.items()}
        return before != [fault.text for fault in self._faults.values()]

    def state(self) -> state_pb2.RobotState:
        """Returns the state of an arm of which nothing is known."""
        state = state_pb2.RobotState(mode=state_pb2.ARM_MODE_DISCONNECTED, monotonic_time_ns=time.monotonic_ns())
        offset_ns = time.time_ns() - time.monotonic_ns()
        state.faults.extend(encode_fault(fault, fault.onset_time_ns + offset_ns) for fault in self._faults.values())
        state.stop_latched = self.stopped is not None
        return state

    @property
    def text(self) -> str:
        """Says in one sentence what the cell waits for."""
        listed = "; ".join(f"{where}: {fault.text}" for where, fault in self._faults.items())
        return f"the cell {self._cell_name} waits for {listed}"

    def _fault(self, where: str, text: str) -> DeviceFault:
        known = self._faults.get(where)
        if known is not None:
            return replace(known, text=text)
        return DeviceFault(
            id=f"not_connected.{where}",
            source=_SOURCES.get(where.partition(".")[0], FaultSource.DAEMON),
            severity=FaultSeverity.CRITICAL,
            onset_time_ns=time.monotonic_ns(),
            text=text,
            clearable=False,
        )


class WaitingServicer(robot_service_pb2_grpc.RobotServiceServicer):
    """Serves what can be answered without a cell; everything else is refused with what is missing."""

    def __init__(self, missing: MissingDevices) -> None:
        self._missing = missing
        refuse_others(self, _ROBOT, missing)

    @refusing
    def GetState(
        self, request: robot_service_pb2.GetStateRequest, context: grpc.ServicerContext
    ) -> robot_service_pb2.GetStateResponse:
        """Returns a state that says only what is missing."""
        return robot_service_pb2.GetStateResponse(state=self._missing.state())

    @refusing
    def ListFaults(
        self, request: robot_service_pb2.ListFaultsRequest, context: grpc.ServicerContext
    ) -> robot_service_pb2.ListFaultsResponse:
        """Lists what is missing."""
        return robot_service_pb2.ListFaultsResponse(active_faults=self._missing.state().faults)

    @refusing
    def Stop(
        self, request: robot_service_pb2.StopRequest, context: grpc.ServicerContext
    ) -> robot_service_pb2.StopResponse:
        """Remembers that the arm must not move once it is there."""
        if self._missing.stopped is None:
            name = request.client_name or "an unnamed client"
            self._missing.stopped = Stopped(client_name=name, text=request.text)
        return robot_service_pb2.StopResponse(state=self._missing.state())

    @refusing
    def ClearStop(
        self, request: robot_service_pb2.ClearStopRequest, context: grpc.ServicerContext
    ) -> robot_service_pb2.ClearStopResponse:
        """Releases the latch."""
        self._missing.stopped = None
        return robot_service_pb2.ClearStopResponse(state=self._missing.state())


def refuse_others(servicer: Any, service: ServiceDescriptor, missing: MissingDevices) -> None:  # noqa: ANN401
    """Lets each method of a service that its servicer does not answer say which devices are missing."""

    def refuse(_request: object, context: grpc.ServicerContext) -> NoReturn:
        ROBOT_ERRORS.abort(context, DeviceUnavailableError(missing.text, device="cell"))

    for method in service.methods:
        if method.name not in vars(type(servicer)):
            setattr(servicer, method.name, refuse)


class WaitingServer:
    """Serves the address of a cell until its devices are there.

    Raises:
        ConfigError: The address is not safe to serve, or a file cannot be read.
    """

    def __init__(self, config: ServerConfig, missing: MissingDevices) -> None:
        self._server = ApiServer(
            config.address, config, refusals=REFUSALS, workers=UNARY_WORKERS, urgent=URGENT_METHODS
        )
        cameras = camera_service_pb2_grpc.CameraServiceServicer()
        refuse_others(cameras, _CAMERA, missing)
        self._server.add(robot_service_pb2_grpc.add_RobotServiceServicer_to_server, WaitingServicer(missing), _ROBOT)
        self._server.add(camera_service_pb2_grpc.add_CameraServiceServicer_to_server, cameras, _CAMERA)

    def start(self) -> str:
        """Begins to serve, healthy for nothing, and returns the bound address.

        Raises:
            ServeError: The address is in use or cannot be bound.
        """
        address = self._server.start()
        self._server.drain()
        return address

    def stop(self) -> None:
        """Frees the address."""
        self._server.stop(0.0)
        self._server.join()
