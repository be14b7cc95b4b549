"""Looks through the cameras of a cell without moving anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import grpc
from serl.robot.v1 import camera_service_pb2, camera_service_pb2_grpc, observation_pb2

from serl_client.cell import CameraInfo
from serl_client.cell_codec import decode_camera_info
from serl_client.channel import CONNECT_TIMEOUT_S, SLOW_TIMEOUT_S, TIMEOUT_S, Connection
from serl_client.codec import decode_frame
from serl_client.enums import PixelEncoding
from serl_client.errors import robot_error
from serl_client.values import Frame


class CameraClient:
    """Reads cameras. Any number of clients see the same frames. A context manager.

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
        self._stub = camera_service_pb2_grpc.CameraServiceStub(self._connection.channel)

    def list_cameras(self) -> dict[str, CameraInfo]:
        """Cameras by name, and whether each delivers."""
        response = self._connection.call(self._stub.ListCameras, camera_service_pb2.ListCamerasRequest())
        return {camera.name: decode_camera_info(camera) for camera in response.cameras}

    def get_frame(
        self, camera: str, *, encoding: PixelEncoding = PixelEncoding.RGB8, include_depth: bool = False
    ) -> Frame:
        """Newest frame of a camera.

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
            camera=camera, encoding=_encoding(encoding), include_depth=include_depth
        )
        return decode_frame(self._connection.call(self._stub.GetFrame, request, timeout_s=SLOW_TIMEOUT_S).frame)

    def stream_frames(
        self,
        cameras: Sequence[str] = (),
        *,
        encoding: PixelEncoding = PixelEncoding.RGB8,
        max_rate_hz: float = 0.0,
        include_depth: bool = False,
    ) -> Iterator[Frame]:
        """Frames as they come; latest wins. Closing the iterator ends the stream.

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
            cameras=cameras, encoding=_encoding(encoding), max_rate_hz=max_rate_hz, include_depth=include_depth
        )
        call = self._stub.StreamFrames(request, metadata=self._connection.metadata)
        try:
            for response in call:
                yield decode_frame(response.frame)
        except grpc.RpcError as error:
            raise robot_error(error, self._connection.address) from error
        finally:
            call.cancel()

    def close(self) -> None:
        """Closes the connection, if this client opened it."""
        if self._owns_connection:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _encoding(encoding: PixelEncoding) -> observation_pb2.PixelEncoding:
    return cast("observation_pb2.PixelEncoding", int(encoding))
