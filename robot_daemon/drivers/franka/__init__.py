"""Drives Franka arms through franky: `options` say which, `arm` is what the daemon sees.

- `link` is one connection: its owner issues every command, `motion_runner` starts and ends motions, `loop` samples
  states. `connecting` opens it and says what the arm is or why it cannot, `facts` are those published of each model,
  `priority` keeps real-time priority where it belongs.
- `steering` turns targets into set-points of the `motions` that run, by way of `shaping`.
- `samples` turns messages into states with their time; `faults` keeps what stopped the arm.
"""

from robot_daemon.drivers.franka.arm import FrankaArm
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.hardware.devices import Arm, Timebase
from robot_daemon.hardware.driver import Driver

__all__ = ["ARM", "FrankaArm", "FrankaOptions", "build_arm"]


def build_arm(_name: str, timebase: Timebase, options: FrankaOptions) -> Arm:
    """Builds the arm of a cell's file.

    Raises:
        DeviceConnectError: It cannot be reached; one sentence with the way out.
    """
    return FrankaArm(options, timebase)


ARM = Driver(build=build_arm, library="franky-control")
