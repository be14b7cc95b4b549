"""Implements a fake gripper, a fake camera and a whole fake cell."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from robot_daemon.drivers.fake.arm import FakeArm
from robot_daemon.hardware.devices import Arm, Camera, Cell, DeviceFault, FrameSample, Gripper, GripperSample, Timebase
from robot_daemon.hardware.driver import Driver
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.cell import CameraInfo, CameraIntrinsics, GripperInfo
from serl_api.enums import Backend, GripperMotion, Pacing, StampSource
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.settings import require_between
from serl_api.values import GripperTarget


class LockstepTimebase:
    """Implements a clock that only requests advance."""

    def __init__(self) -> None:
        self._now_ns = 0

    @property
    def pacing(self) -> Pacing:
        """Returns LOCKSTEP."""
        return Pacing.LOCKSTEP

    def now_ns(self) -> int:
        """Returns the simulated time, ns."""
        return self._now_ns

    def wait_until(self, time_ns: int) -> None:
        """Advances the clock to a time."""
        self._now_ns = max(self._now_ns, time_ns)


class FakeGripper:
    """Moves two fingers at constant speed; `object_width` and `is_jammed` get in their way."""

    def __init__(self, timebase: Timebase, max_width: float = 0.085) -> None:
        self._timebase = timebase
        self._lock = threading.Lock()
        self.info = GripperInfo(model="fake", max_width=max_width, max_force=100.0, max_speed=0.5)
        self._width = max_width
        self._target = GripperTarget(width=max_width)
        self._time_ns = timebase.now_ns()
        self._is_connected = True
        self.object_width = 0.0
        self.is_jammed = False
        self.is_closed = False
        self.is_active = True
        """Whether it was activated; clear it, and it ignores targets until it is."""
        self.activation_count = 0

    def read_state(self) -> GripperSample:
        """Returns the state now."""
        with self._lock:
            if not self._is_connected:
                raise DeviceUnavailableError("the fake gripper was disconnected")
            self._advance()
            return GripperSample(
                time_ns=self._time_ns, width=self._width, target_width=self._target.width, motion=self._motion()
            )

    def set_target(self, target: GripperTarget) -> None:
        """Moves the fingers."""
        with self._lock:
            self._advance()
            if self.is_active:
                self._target = target

    def activate(self) -> None:
        """Opens the fingers."""
        self.activation_count += 1
        self.is_active = True
        self.set_target(GripperTarget(width=self.info.max_width))

    def faults(self) -> tuple[DeviceFault, ...]:
        """Reports none."""
        return ()

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Does nothing: there is no fault to clear."""

    def close(self) -> None:
        """Remembers that it was closed."""
        self.is_closed = True

    def set_connected(self, *, connected: bool) -> None:
        """Lets the gripper answer, or not."""
        self._is_connected = connected

    def _motion(self) -> GripperMotion:
        if not self.is_active:
            return GripperMotion.INACTIVE
        if abs(self._width - self._target.width) < 1e-6:
            return GripperMotion.AT_TARGET
        held = self.object_width > 0.0 and abs(self._width - self.object_width) < 1e-6
        return GripperMotion.OBJECT_HELD if held else GripperMotion.MOVING

    def _advance(self) -> None:
        now = self._timebase.now_ns()
        elapsed = (now - self._time_ns) * 1e-9
        self._time_ns = now
        if self.is_jammed:
            return
        reach = (self._target.speed or 0.3) * elapsed
        floor = self.object_width if self._width >= self.object_width else 0.0
        goal = max(self._target.width, floor)
        self._width += min(max(goal - self._width, -reach), reach)


class FakeCamera:
    """Draws a gradient with a moving bar; clear `is_delivering` to unplug it."""

    def __init__(self, name: str, timebase: Timebase, *, rate_hz: float, width: int = 128, height: int = 128) -> None:
        lockstep = timebase.pacing is Pacing.LOCKSTEP
        self.info = CameraInfo(
            name=name,
            model="fake",
            serial_number=f"fake-{name}",
            width=width,
            height=height,
            rate_hz=0.0 if lockstep else rate_hz,
            has_depth=True,
            intrinsics=CameraIntrinsics(float(width), float(width), width / 2.0, height / 2.0),
        )
        self._timebase = timebase
        self._period_ns = 0 if lockstep else round(1e9 / rate_hz)
        self._number = 0
        self.is_delivering = True
        self.is_closed = False

    def read(self, timeout_s: float) -> FrameSample:
        """Returns the next frame: now in lockstep, at the next tick of the camera's rate in real time."""
        if not self.is_delivering:
            if self._period_ns:
                time.sleep(timeout_s)
            raise DeviceUnavailableError(f"the fake camera {self.info.name} was unplugged")
        exposure_ns = self._timebase.now_ns()
        if self._period_ns:
            exposure_ns += self._period_ns - exposure_ns % self._period_ns
            self._timebase.wait_until(exposure_ns)
        self._number += 1
        return FrameSample(
            time_ns=exposure_ns,
            receive_time_ns=self._timebase.now_ns(),
            number=self._number,
            rgb=self._draw(),
            stamp_source=StampSource.SIMULATOR,
            depth=np.full((self.info.height, self.info.width), 1000, np.uint16),
            depth_scale=0.001,
        )

    def faults(self) -> tuple[DeviceFault, ...]:
        """Reports none."""
        return ()

    def close(self) -> None:
        """Remembers that it was closed."""
        self.is_closed = True

    def _draw(self) -> np.ndarray:
        height, width = self.info.height, self.info.width
        image = np.zeros((height, width, 3), np.uint8)
        image[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
        image[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
        image[:, self._number % width] = 255
        return image


@dataclass(frozen=True, kw_only=True)
class FakeCell:
    """Holds a cell of fake devices, and the devices themselves, to be made to misbehave."""

    cell: Cell
    arm: FakeArm
    gripper: FakeGripper
    cameras: dict[str, FakeCamera] = field(default_factory=dict)


def build_fake_cell(
    *, pacing: Pacing = Pacing.REAL_TIME, cameras: tuple[str, ...] = ("front", "wrist"), rate_hz: float = 30.0
) -> FakeCell:
    """Builds a whole cell of fake devices."""
    timebase: Timebase = LockstepTimebase() if pacing is Pacing.LOCKSTEP else RealTimebase()
    arm = FakeArm(timebase)
    gripper = FakeGripper(timebase)
    made = {name: FakeCamera(name, timebase, rate_hz=rate_hz) for name in cameras}
    cell = Cell(name="fake", backend=Backend.FAKE, timebase=timebase, arm=arm, gripper=gripper, cameras=made)
    return FakeCell(cell=cell, arm=arm, gripper=gripper, cameras=made)


@dataclass(frozen=True, kw_only=True)
class FakeArmOptions:
    """Holds the options of the fake arm, of which there are none."""


@dataclass(frozen=True, kw_only=True)
class FakeGripperOptions:
    """Holds the options of the fake gripper."""

    max_width_m: float = 0.085
    """Stroke, m."""

    def __post_init__(self) -> None:
        require_between("max_width_m", self.max_width_m, 0.0, 1.0, above=True)


@dataclass(frozen=True, kw_only=True)
class FakeCameraOptions:
    """Holds the options of a fake camera."""

    rate_hz: float = 30.0
    """Frames a second."""
    width: int = 128
    """px."""
    height: int = 128
    """px."""

    def __post_init__(self) -> None:
        require_between("rate_hz", self.rate_hz, 0.0, 1000.0, above=True)
        require_between("width", self.width, 1, 8192)
        require_between("height", self.height, 1, 8192)


def build_arm(_name: str, timebase: Timebase, _options: FakeArmOptions) -> Arm:
    """Builds the arm of a cell's file."""
    return FakeArm(timebase)


ARM = Driver(build=build_arm, backend=Backend.FAKE)


def build_gripper(_name: str, timebase: Timebase, options: FakeGripperOptions) -> Gripper:
    """Builds the gripper of a cell's file."""
    return FakeGripper(timebase, options.max_width_m)


def build_camera(name: str, timebase: Timebase, options: FakeCameraOptions) -> Camera:
    """Builds a camera of a cell's file."""
    return FakeCamera(name, timebase, rate_hz=options.rate_hz, width=options.width, height=options.height)
