"""Reads the cameras of a cell without taking control."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from serl.robot.v1 import camera_service_pb2, camera_service_pb2_grpc

from serl_api.cell import CameraInfo
from serl_api.codec.cell import decode_cameras
from serl_api.codec.observation import decode_frame, encode_pixel_encoding
from serl_api.enums import PixelEncoding
from serl_api.values import Frame
from serl_client.connection.channel import SLOW_TIMEOUT_S, ServiceClient


class CameraClient(ServiceClient):
    """Reads cameras. Any number of clients see the same frames; see `ServiceClient` for the arguments."""

    @cached_property
    def _stub(self) -> camera_service_pb2_grpc.CameraServiceStub:
        return camera_service_pb2_grpc.CameraServiceStub(self.connection.channel)

    def list_cameras(self) -> dict[str, CameraInfo]:
        """Lists the cameras by name, and whether each delivers."""
        response = self.connection.call(self._stub.ListCameras, camera_service_pb2.ListCamerasRequest())
        return decode_cameras(response.cameras)

    def get_frame(
        self, camera: str, *, encoding: PixelEncoding = PixelEncoding.RGB8, include_depth: bool = False
    ) -> Frame:
        """Gets the newest frame of a camera.

        Args:
            camera: Its name.
            encoding: Of the frame.
            include_depth: Whether to add aligned depth.

        Raises:
            NotFoundError: No camera has this name; the message lists those that exist.
            DeviceUnavailableError: The camera does not deliver at present.
            NotEquippedError: The camera has no depth.
        """
        request = camera_service_pb2.GetFrameRequest(
            camera=camera, encoding=encode_pixel_encoding(encoding), include_depth=include_depth
        )
        return decode_frame(self.connection.call(self._stub.GetFrame, request, timeout_s=SLOW_TIMEOUT_S).frame)

    def stream_frames(
        self,
        cameras: Sequence[str] = (),
        *,
        encoding: PixelEncoding = PixelEncoding.RGB8,
        max_rate_hz: float = 0.0,
        include_depth: bool = False,
    ) -> Iterator[Frame]:
        """Streams frames as they come; latest wins. Closing the iterator ends the stream.

        Args:
            cameras: Names; all when empty.
            encoding: Of the frames.
            max_rate_hz: Largest rate a camera; 0 is as fast as they arrive.
            include_depth: Whether to add aligned depth.

        Raises:
            NotFoundError: No camera has one of these names.
            TooManyStreamsError: The daemon serves as many streams as it allows.
        """
        request = camera_service_pb2.StreamFramesRequest(
            cameras=cameras,
            encoding=encode_pixel_encoding(encoding),
            max_rate_hz=max_rate_hz,
            include_depth=include_depth,
        )
        return self.connection.stream(self._stub.StreamFrames, request, lambda response: decode_frame(response.frame))
