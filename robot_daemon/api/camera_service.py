"""Implements `serl.robot.v1.CameraService`."""

import time
from collections.abc import Iterator

import grpc
from serl.robot.v1 import camera_service_pb2 as messages
from serl.robot.v1 import camera_service_pb2_grpc

from robot_daemon.api.image_encoding import encode_frame
from robot_daemon.api.refusals import refusing, refusing_stream
from robot_daemon.api.response_builder import ResponseBuilder
from robot_daemon.api.stream_slots import StreamSlots
from robot_daemon.control.daemon import DaemonCore
from serl_api.enums import Pacing
from serl_api.errors.robot import InvalidRequestError

LOCKSTEP_RATE_HZ = 30.0
"""How often a stream looks for a change where frames are made when asked for."""


class CameraServicer(camera_service_pb2_grpc.CameraServiceServicer):
    """Serves the frames of the cell's cameras."""

    def __init__(self, core: DaemonCore, streams: StreamSlots) -> None:
        self._core = core
        self._responses = ResponseBuilder(core)
        self._streams = streams

    @refusing
    def ListCameras(
        self, request: messages.ListCamerasRequest, context: grpc.ServicerContext
    ) -> messages.ListCamerasResponse:
        """Lists the cameras."""
        return messages.ListCamerasResponse(cameras=self._responses.cameras())

    @refusing
    def GetFrame(self, request: messages.GetFrameRequest, context: grpc.ServicerContext) -> messages.GetFrameResponse:
        """Returns the newest frame of one camera."""
        sample = self._core.frame(request.camera)
        frame = encode_frame(request.camera, sample, request.encoding, include_depth=request.include_depth)
        return messages.GetFrameResponse(frame=frame)

    @refusing_stream()
    def StreamFrames(
        self, request: messages.StreamFramesRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.StreamFramesResponse]:
        """Streams frames as they arrive; skips what a slow reader missed."""
        if not request.max_rate_hz >= 0.0:
            text = f"max_rate_hz is {request.max_rate_hz:g}; it must be at least 0, which means every frame"
            raise InvalidRequestError(text, field="max_rate_hz")
        names = list(self._core.require_cameras(request.cameras) or self._core.cell.cameras)
        sent: dict[str, tuple[int, float]] = dict.fromkeys(names, (-1, 0.0))
        with self._streams.take(context) as ended:
            while not ended.is_set():
                for name in names:
                    number, due = sent[name]
                    frame = self._core.active_cell.sensors.newest_frame(name) if time.monotonic() >= due else None
                    if frame is None or frame.number == number:
                        continue
                    interval = 1.0 / request.max_rate_hz if request.max_rate_hz > 0.0 else 0.0
                    sent[name] = (frame.number, max(due, time.monotonic() - interval) + interval)
                    yield messages.StreamFramesResponse(
                        frame=encode_frame(name, frame, request.encoding, include_depth=request.include_depth)
                    )
                if self._core.cell.timebase.pacing is Pacing.LOCKSTEP:
                    ended.wait(1.0 / LOCKSTEP_RATE_HZ)
                else:
                    self._core.active_cell.sensors.wait_for_frames(0.1)
