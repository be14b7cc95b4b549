"""Groups the devices of the cell that is served with their limits, faults and sensors."""

from dataclasses import dataclass

from robot_daemon.control.faults import FaultRegistry
from robot_daemon.control.limits import Limits
from robot_daemon.hardware.devices import Cell
from robot_daemon.sensing.sensors import Sensors


@dataclass(frozen=True, kw_only=True)
class ActiveCell:
    """Groups the devices of the cell that is served with their limits, faults and sensors."""

    cell: Cell
    limits: Limits
    faults: FaultRegistry
    sensors: Sensors
    command_timeout_ns: int
    """0 in lockstep."""
    wrench_timeout_ns: int
    """0 in lockstep."""


def close_cell(cell: Cell) -> None:
    """Closes every device, the arm first, then what they share."""
    cell.arm.close()
    if cell.gripper is not None:
        cell.gripper.close()
    for camera in cell.cameras.values():
        camera.close()
    cell.close()
