"""Defines the options of a RealSense camera in a cell's file."""

from dataclasses import dataclass
from pathlib import Path

from robot_daemon.drivers.capture.framing import require_framing
from serl_api.settings import ConfigError, require_between

MOUNTS = ("", "base", "tcp")
POWER_LINES_HZ = (None, 0, 50, 60)


@dataclass(frozen=True, kw_only=True)
class RealsenseOptions:
    """Holds the options of a RealSense of the D400 family, or of a recording of one."""

    serial: str | None = None
    """Serial number, printed on the camera and shown by `rs-enumerate-devices`; may be left out when there is one."""
    recording: Path | None = None
    """A file that is played instead of a camera, at its own pace, sizes and rate: .db3, or an old .bag."""
    repeat: bool = True
    """Whether a recording begins again at its end."""
    width: int = 640
    """Of the sensor's picture, px."""
    height: int = 480
    """Of the sensor's picture, px."""
    rate_hz: int = 30
    """Frames a second."""
    depth: bool = False
    """Whether to deliver depth, aligned to colour."""
    exposure_s: float | None = None
    """Exposure, s; left out: automatic. Fix it for training: an automatic one changes picture and timing."""
    gain: int | None = None
    """Analogue gain, in the camera's units; left out: the camera's own. Needs a fixed exposure."""
    white_balance_k: int | None = None
    """White balance, K; left out: automatic."""
    power_line_hz: int | None = None
    """Frequency of the lamps' mains, 50 or 60, for an automatic exposure; 0 for none, left out: as it is."""
    crop_px: tuple[int, int, int, int] | None = None
    """Left, top, width and height of the part that is kept, px of the sensor's picture. Applied before `output_px`."""
    output_px: tuple[int, int] | None = None
    """Width and height of delivered frames, px; left out: those of the crop."""
    sync_mode: int | None = None
    """The option `inter_cam_sync_mode`: 1 master, 2 slave, with a cable between the cameras; left out: as it is."""
    latency_s: float = 0.02
    """From the middle of an exposure to arrival, s; used only while the camera's clock cannot tell."""
    mount: str = ""
    """"base", "tcp", or nothing when unknown."""

    def __post_init__(self) -> None:
        if self.recording is not None and self.serial is not None:
            raise ConfigError("serial and recording exclude each other; leave one of them out")
        require_between("width", self.width, 1, 4096)
        require_between("height", self.height, 1, 4096)
        require_between("rate_hz", self.rate_hz, 1, 300)
        if self.exposure_s is not None:
            require_between("exposure_s", self.exposure_s, 0.0, 1.0 / self.rate_hz, above=True)
        if self.gain is not None:
            require_between("gain", self.gain, 0, 1000)
            if self.exposure_s is None:
                raise ConfigError(
                    f"gain is {self.gain}, which an automatic exposure overrides; give exposure_s as well"
                )
        if self.white_balance_k is not None:
            require_between("white_balance_k", self.white_balance_k, 1000, 20000)
        if self.power_line_hz not in POWER_LINES_HZ:
            raise ConfigError(f"power_line_hz is {self.power_line_hz}; it must be 50, 60, 0 for none, or left out")
        if self.sync_mode is not None:
            require_between("sync_mode", self.sync_mode, 0, 260)
        require_between("latency_s", self.latency_s, 0.0, 1.0)
        require_framing(self.crop_px, self.output_px)
        if self.mount not in MOUNTS:
            raise ConfigError(f'mount is "{self.mount}"; it must be "base", "tcp" or left out')
