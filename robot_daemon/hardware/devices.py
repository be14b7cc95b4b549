"""What a machine must implement to stand behind the robot API, and the samples that its devices give.

All values are SI and radians in the base frame; quaternions are xyzw. Times are nanoseconds on the clock of the cell's
`Timebase`. Arrays are float64 and must not be written to after construction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robot_daemon.hardware.kinematics import ArmParts
from serl_api.cell import ArmInfo, CameraInfo, GripperInfo
from serl_api.enums import Backend, Pacing, StampSource
from serl_api.values import (
    ArmState,
    Fault,
    FloatArray,
    FullCompliance,
    GripperState,
    GripperTarget,
    JointTarget,
    Load,
    Pose,
    Target,
    TrackedObject,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmSample(ArmState):
    """One sample of the arm."""

    time_ns: int


@dataclass(frozen=True, kw_only=True)
class GripperSample(GripperState):
    """One sample of a two-finger gripper."""

    time_ns: int


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameSample:
    """One image of one camera."""

    time_ns: int
    """Middle of the exposure."""
    receive_time_ns: int
    number: int
    """Count of the camera; gaps are lost frames."""
    rgb: NDArray[np.uint8]
    """(height, width, 3)."""
    stamp_source: StampSource
    depth: NDArray[np.uint16] | None = None
    """(height, width), aligned to `rgb`; 0 where unknown."""
    depth_scale: float = 0.0
    """Metres per unit of `depth`."""


@dataclass(frozen=True, kw_only=True)
class DeviceFault(Fault):
    """A fault as its device reports it."""

    by_hand: bool = False
    """Whether somebody's hand is the cause and is still there: the arm is guided, or its user stop pressed."""


class DeviceConnectError(Exception):
    """Raised when a device cannot be reached at the start; one sentence with what is wrong and what to do."""


class Timebase(Protocol):
    """Implements the cell's clock, and says who makes it advance."""

    @property
    def pacing(self) -> Pacing:
        """Returns who makes time pass."""
        ...

    def now_ns(self) -> int:
        """Returns the time now, ns."""
        ...

    def wait_until(self, time_ns: int) -> None:
        """Returns when `now_ns() >= time_ns`: sleeps in real time, advances the physics in lockstep."""
        ...


class Arm(Protocol):
    """Drives an arm. Every method but `close` returns at once; none may block a control period."""

    @property
    def info(self) -> ArmInfo:
        """Returns constant facts of the device."""
        ...

    def read_state(self) -> ArmSample:
        """Returns the newest sample. Raises DeviceUnavailableError when the arm does not answer."""
        ...

    def set_target(self, target: Target) -> None:
        """Tracks a target from now on; the newest wins."""
        ...

    def hold(self) -> None:
        """Holds the pose measured now."""
        ...

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes the Cartesian impedance, also while moving."""
        ...

    def set_load(self, load: Load) -> None:
        """Sets the load that the arm carries."""
        ...

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns active faults. While a critical one is active, or one by hand, the arm ignores targets.

        An arm that is guided by hand reports the warning "guiding" until it is let go. It gives way meanwhile, and
        rests where it was left.
        """
        ...

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Clears those of the faults that can be cleared."""
        ...

    def close(self) -> None:
        """Brings the arm to rest and lets go of it."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionBounds:
    """Bounds what an arm may do, whatever it is asked for."""

    lower: FloatArray
    """Corner of the box that the TCP stays in. Shape (3,), m."""
    upper: FloatArray
    """The opposite corner. Shape (3,), m."""
    speed: float
    """Top speed of the TCP, m/s."""
    rotation_speed: float
    """Top angular speed of the TCP, rad/s."""
    push_speed: float
    """Top speed of the TCP under a wrench, m/s."""
    push_rotation_speed: float
    """Top angular speed of the TCP under a wrench, rad/s."""
    interpolates: bool = False
    """Whether the way to a pose is spread over the time until the next target."""


@runtime_checkable
class BoundedArm(Protocol):
    """What an arm has that keeps to bounds at the rate of its own loop; without it there is no wrench control."""

    def set_bounds(self, bounds: MotionBounds) -> None:
        """Keeps to bounds from now on."""
        ...


@runtime_checkable
class PacedArm(Protocol):
    """What an arm has that can spread the way to a target over the time until the next one."""

    def set_pace(self, period_s: float) -> None:
        """Says when the target after the next one can be expected, s; 0 when that is not known."""
        ...


@runtime_checkable
class LocatedArm(Protocol):
    """What an arm has whose parts can be foretold; without it the way of the joints is not checked."""

    def parts(self, joints: FloatArray) -> ArmParts:
        """Returns where parts of the arm would be. Shape of the joints: (N, n), rad."""
        ...


@runtime_checkable
class LoadedArm(Protocol):
    """What an arm has that knows which load it had before sessions changed it."""

    def restore_load(self) -> None:
        """Sets the load that the arm had when the daemon connected."""
        ...


class Gripper(Protocol):
    """Drives a two-finger gripper. No method blocks; progress is state."""

    @property
    def info(self) -> GripperInfo:
        """Returns constant facts of the device."""
        ...

    def read_state(self) -> GripperSample:
        """Returns the newest sample. Raises DeviceUnavailableError when the gripper does not answer."""
        ...

    def set_target(self, target: GripperTarget) -> None:
        """Moves the fingers; the newest target wins."""
        ...

    def activate(self) -> None:
        """Begins the activation or homing cycle."""
        ...

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns active faults."""
        ...

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Clears those of the faults that can be cleared."""
        ...

    def close(self) -> None:
        """Lets go of the gripper."""
        ...


class Camera(Protocol):
    """Reads a camera, by one thread of the daemon in real time, on demand in lockstep."""

    @property
    def info(self) -> CameraInfo:
        """Returns constant facts of the device."""
        ...

    def read(self, timeout_s: float) -> FrameSample:
        """Waits for the next frame. Raises DeviceUnavailableError when none comes in time; it may return later."""
        ...

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns what is wrong with the frames that come. That none come is for the daemon to find."""
        ...

    def close(self) -> None:
        """Lets go of the camera."""
        ...


class Scene(Protocol):
    """Tracks the objects around an arm: the scene of a simulation, or a tracker on a real cell."""

    def tracked_objects(self) -> tuple[TrackedObject, ...]:
        """Returns the poses of all objects now."""
        ...

    def reset(self, *, seed: int | None, start: Pose | JointTarget | None, gripper_width: float | None) -> bool:
        """Draws a new scene and places the arm at its start.

        Args:
            seed: Seed of the scene; None continues the stream of the last one.
            start: Where the arm starts; None is home.
            gripper_width: Opening to start with, m; None is fully open.

        Returns:
            Whether arm and gripper were placed. False on a real cell: the daemon then moves them there.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PastInstant:
    """Holds what a whole cell showed at one earlier instant."""

    time_ns: int
    arm: ArmSample
    gripper: GripperSample | None
    objects: tuple[TrackedObject, ...]
    frame: Callable[[str], FrameSample]
    """Returns a camera's frame of that instant. Raises DeviceUnavailableError when the camera does not deliver."""


class Past(Protocol):
    """Lets observations in lockstep be as old as those of a real cell."""

    def observed(self) -> PastInstant | None:
        """Returns the instant that an observation shows now; None where it is the present."""
        ...


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Groups everything that stands behind one daemon."""

    name: str
    backend: Backend
    timebase: Timebase
    arm: Arm
    gripper: Gripper | None
    cameras: Mapping[str, Camera]
    scene: Scene | None = None
    past: Past | None = None
    """Set where a simulator can delay observations in lockstep."""
    task: str = ""
    """Task that a simulator has loaded; empty on a real cell."""
    close: Callable[[], None] = lambda: None
    """Releases what the devices share, after they were closed."""
