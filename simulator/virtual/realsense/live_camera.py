"""Plugs pictures of a virtual arm's scene into the RealSense driver, as a live camera of librealsense's software kind.

Named in a cell's file as `driver = "simulator.virtual.realsense.live_camera:build_camera"`. What the driver does with a
real camera's framesets (stamps, framing, loss and return) it does with these; only opening a USB device is left out.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_daemon.drivers.capture.capture import CapturedCamera, Stream, StreamLostError
from robot_daemon.drivers.capture.framing import require_framing
from robot_daemon.drivers.realsense.library import rs
from robot_daemon.drivers.realsense.options import MOUNTS, RealsenseOptions
from robot_daemon.drivers.realsense.stream import RealsenseStream
from robot_daemon.hardware.devices import Camera, DeviceConnectError, Timebase
from serl_api.settings import ConfigError
from simulator.virtual.realsense.picture_stream import PictureClient, PictureError
from simulator.virtual.realsense.recorder import Shot, SoftwareCamera, VirtualCamera

_MATCH_MS = 200
SILENCE_S = 5.0
"""After so long without a picture the camera counts as lost."""


@dataclass(frozen=True, kw_only=True)
class LiveCameraOptions:
    """Says where the pictures come from, and what is made of them as of a real camera's."""

    socket: Path
    """Socket of `serl-virtual cameras`."""
    view: str = ""
    """Camera of the scene; left out: of the same name."""
    crop_px: tuple[int, int, int, int] | None = None
    """Left, top, width and height of the part that is kept, px. Applied before `output_px`."""
    output_px: tuple[int, int] | None = None
    """Width and height of delivered frames, px; left out: those of the crop."""
    mount: str = ""
    """"base", "tcp", or nothing when unknown."""

    def __post_init__(self) -> None:
        require_framing(self.crop_px, self.output_px)
        if self.mount not in MOUNTS:
            raise ConfigError(f'mount is "{self.mount}"; it must be "base", "tcp" or left out')


def build_camera(name: str, timebase: Timebase, options: LiveCameraOptions) -> Camera:
    """Builds a camera of a cell's file. Raises DeviceConnectError with the camera's name in front."""

    def open_stream() -> Stream:
        try:
            client = PictureClient(options.socket, options.view or name)
        except PictureError as error:
            raise DeviceConnectError(str(error)) from None
        except (OSError, ValueError) as error:
            raise DeviceConnectError(
                f"no virtual cameras at {options.socket} ({error}); start them with: serl-virtual cameras"
            ) from None
        pipeline = _LivePipeline(client)
        framing = RealsenseOptions(crop_px=options.crop_px, output_px=options.output_px, mount=options.mount)
        return RealsenseStream(
            name,
            pipeline,
            pipeline,
            framing,
            timebase.now_ns,
            lambda _receive_ns, _arrival_ms: time.time_ns() - timebase.now_ns(),
            _give_up_when_silent,
        )

    return CapturedCamera(name, open_stream, timebase.now_ns)


def _give_up_when_silent(silent_s: float) -> None:
    if silent_s > SILENCE_S:
        raise StreamLostError(f"the virtual cameras were silent for {silent_s:.0f} s and are connected anew")


class _LivePipeline:
    """Does what pipeline and profile of pyrealsense2 do, for a software device that is fed from a socket.

    Args:
        client: Delivers the pictures; closed with this.
    """

    def __init__(self, client: PictureClient) -> None:
        facts = client.facts
        self._client = client
        self._began_ns = time.monotonic_ns()
        self._camera = SoftwareCamera(
            VirtualCamera(
                width=facts.width,
                height=facts.height,
                rate_hz=facts.rate_hz,
                focal=facts.focal,
                has_depth=False,
                exposure_s=0.0,
                latency_s=0.0,
                epoch_s=time.time(),
            )
        )
        self._queue = rs.syncer(4)
        self._camera.colour.open(self._camera.colour_profile)
        self._camera.colour.start(self._queue)

    def get_device(self) -> Any:  # noqa: ANN401 - of pyrealsense2.
        """Returns the software device."""
        return self._camera.software

    def get_stream(self, kind: Any) -> Any:  # noqa: ANN401 - of pyrealsense2.
        """Returns the profile of the colour stream, the only one."""
        assert kind == rs.stream.color
        return self._camera.colour_profile

    def try_wait_for_frames(self, timeout_ms: int) -> tuple[bool, Any]:
        """Waits for the next frameset. Raises StreamLostError when none will come."""
        try:
            picture = self._client.read(timeout_ms * 1e-3)
        except OSError as error:
            raise StreamLostError(str(error)) from None
        if picture is None:
            return False, None
        middle_s = (picture.time_ns - self._began_ns) * 1e-9
        self._camera.expose(Shot(number=picture.number, middle_s=middle_s, colour=picture.rgb))
        return self._queue.try_wait_for_frames(_MATCH_MS)

    def stop(self) -> None:
        """Stops the stream and ends the connection."""
        self._camera.colour.stop()
        self._camera.colour.close()
        self._client.close()
