"""A daemon called in the same thread, without gRPC.

The same servicers and the same messages, but no socket, no serialisation and no other thread.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import grpc
from serl.robot.v1 import camera_service_pb2_grpc, robot_service_pb2_grpc

from robot_daemon.api.camera_service import CameraServicer
from robot_daemon.api.robot_service import RobotServicer
from robot_daemon.api.stream_slots import StreamSlots
from robot_daemon.control.daemon import DaemonCore
from simulator.devices.cell import LIMITS, build_cell
from simulator.physics.impedance import COMPLIANCE

ADDRESS = "unix:/in-process"


class _Registry:
    """Takes the place of a server: remembers the handlers by path."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add_registered_method_handlers(self, service: str, methods: dict[str, Any]) -> None:
        self.handlers |= {f"/{service}/{name}": handler for name, handler in methods.items()}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """The generated code adds everything twice; once is enough."""


class _Context:
    """What a servicer sees of a call that nobody can cancel."""

    def is_active(self) -> bool:
        return True

    def add_callback(self, _callback: Callable[[], None]) -> bool:
        return True

    def peer(self) -> str:
        return "in-process"

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def abort_with_status(self, status: Any) -> None:
        raise RuntimeError(status.details)


class _Call:
    """A stream's answers, computed when they are asked for."""

    def __init__(self, answers: Iterator[Any]) -> None:
        self._answers = answers

    def __iter__(self) -> "_Call":
        return self

    def __next__(self) -> Any:
        return next(self._answers)

    def cancel(self) -> None:
        """Ends with its generator."""


class _Channel:
    """Takes the place of a channel: looks the handler up and calls it."""

    def __init__(self, handlers: dict[str, Any]) -> None:
        self._handlers = handlers

    def unary_unary(self, path: str, **_options: Any) -> Callable[..., Any]:
        return lambda request, **_call: self._handlers[path].unary_unary(request, _Context())

    def stream_stream(self, path: str, **_options: Any) -> Callable[..., Any]:
        return lambda requests, **_call: _Call(self._handlers[path].stream_stream(requests, _Context()))

    def unary_stream(self, path: str, **_options: Any) -> Callable[..., Any]:
        return lambda request, **_call: _Call(self._handlers[path].unary_stream(request, _Context()))

    def close(self) -> None:
        """Holds nothing."""


@contextlib.contextmanager
def in_process_simulator(task: str) -> Iterator[str]:
    """Lets clients reach a simulator in this process at the address that is given."""
    core = DaemonCore(build_cell(task), LIMITS, compliance=COMPLIANCE)
    registry: Any = _Registry()
    streams, control, estops = (StreamSlots(kind, 8) for kind in ("state and frame", "control", "e-stop"))
    servicer = RobotServicer(core, streams, control, estops)
    robot_service_pb2_grpc.add_RobotServiceServicer_to_server(servicer, registry)
    camera_service_pb2_grpc.add_CameraServiceServicer_to_server(CameraServicer(core, streams), registry)
    channel = _Channel(registry.handlers)
    with mock.patch.object(grpc, "insecure_channel", return_value=channel):
        try:
            yield ADDRESS
        finally:
            core.close()
