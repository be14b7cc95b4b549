"""Implements `Gripper` for a Robotiq gripper: metres and newtons in, state and faults out."""

from robot_daemon.drivers.robotiq.faults import FAULTS, FaultMemory
from robot_daemon.drivers.robotiq.line import TCP_PREFIX, open_line
from robot_daemon.drivers.robotiq.modbus import AnswerError, LineLostError, ModbusClient, NoAnswerError
from robot_daemon.drivers.robotiq.options import RobotiqOptions
from robot_daemon.drivers.robotiq.poller import Cycle, Device, Poller, Request, Sample
from robot_daemon.drivers.robotiq.registers import Activation, Detection
from robot_daemon.drivers.robotiq.scale import MODELS
from robot_daemon.hardware.devices import DeviceConnectError, DeviceFault, GripperSample, Timebase
from serl_api.cell import GripperInfo
from serl_api.enums import FaultSeverity, GripperMotion
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import GripperTarget

CONNECT_ATTEMPTS = 3
"""How often a gripper is asked before it counts as absent: one frame of many is lost on an RS-485 line."""
RESET_TIME_S = 0.5
"""How long `recover` waits for the outcome of a reset, s."""

_MOTIONS = {
    Detection.MOVING: GripperMotion.MOVING,
    Detection.STOPPED_OPENING: GripperMotion.OBJECT_HELD,
    Detection.STOPPED_CLOSING: GripperMotion.OBJECT_HELD,
    Detection.AT_POSITION: GripperMotion.AT_TARGET,
}


class RobotiqGripper:
    """Drives a 2F-85, 2F-140 or Hand-E. Only `recover` waits: for a reset, at most `RESET_TIME_S`.

    Raises:
        DeviceConnectError: No such port, no permission, or no answer from the gripper.
    """

    def __init__(self, options: RobotiqOptions, timebase: Timebase) -> None:
        model = MODELS[options.model]
        self._scale = options.scale
        self.info = GripperInfo(
            model=f"robotiq-{options.model}",
            max_width=self._scale.stroke,
            max_force=model.max_force,
            max_speed=model.max_speed,
        )
        """Constant facts of the gripper."""
        self._faults = FaultMemory(options.port)
        self._poller = Poller(lambda: _connect(options), self._faults, timebase.now_ns, options.poll_rate_hz)
        sample = self._poller.sample
        if options.activate and (sample is None or sample.status.activation is not Activation.ACTIVE):
            self.activate()

    def read_state(self) -> GripperSample:
        """Returns the newest sample. Raises DeviceUnavailableError while the gripper is lost."""
        sample = self._poller.sample
        if sample is None:
            raise DeviceUnavailableError("the gripper does not answer; check cable and supply, it returns by itself")
        request, status = self._poller.request, sample.status
        width = self._scale.width(status.position)
        target = width
        if request is not None:
            target = request.width
        elif status.go:
            target = self._scale.width(status.requested_position)
        motion = GripperMotion.MOVING if self._poller.is_cycling else motion_of(sample, request)
        return GripperSample(time_ns=sample.time_ns, width=width, target_width=target, motion=motion)

    def set_target(self, target: GripperTarget) -> None:
        """Moves the fingers; the newest target wins.

        Ignored while the gripper is lost or not activated, which `faults` tells; during an activation it waits.
        """
        width = min(max(target.width, 0.0), self._scale.stroke)
        self._poller.submit(self._scale.command(target), width)

    def activate(self) -> None:
        """Begins the activation: the fingers close and open fully."""
        self._poller.begin(Cycle.ACTIVATE)

    def faults(self) -> tuple[DeviceFault, ...]:
        """Returns active faults."""
        return self._faults.active

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Resets the gripper when one of its critical faults is meant. It must be activated afterwards."""
        critical = {fault.id for fault in self._faults.active if fault.severity is FaultSeverity.CRITICAL}
        if critical.intersection(fault_ids):
            self._poller.begin(Cycle.RESET)
            self._poller.wait_for_cycle(RESET_TIME_S)

    def close(self) -> None:
        """Lets go of the line; the fingers keep what they hold."""
        self._poller.close()


def motion_of(sample: Sample, request: Request | None) -> GripperMotion:
    """Derives what the fingers are doing from the status.

    The gripper's own word for it (gOBJ) still belongs to the request before until the echo (gPR) shows the newest one.
    """
    status = sample.status
    fault = FAULTS.get(status.fault)
    if status.fault and (fault is None or fault.severity is FaultSeverity.CRITICAL):
        return GripperMotion.FAULTED
    if status.is_reset:
        return GripperMotion.INACTIVE
    if status.activation is not Activation.ACTIVE:
        return GripperMotion.MOVING
    if request is not None:
        is_seen = request.number <= sample.written and request.command.position == status.requested_position
        if not is_seen:
            return GripperMotion.MOVING
    return _MOTIONS[status.detection] if status.go else GripperMotion.AT_TARGET


def _connect(options: RobotiqOptions) -> Device:
    line = open_line(options.port, options.baudrate, options.timeout_s)
    device = Device(ModbusClient(line, options.slave_id), options.read_function)
    for attempt in range(CONNECT_ATTEMPTS):
        try:
            device.read()
        except (AnswerError, LineLostError) as error:
            if isinstance(error, LineLostError) or attempt == CONNECT_ATTEMPTS - 1:
                device.close()
                raise DeviceConnectError(_explain(options, error)) from None
        else:
            break
    return device


def _explain(options: RobotiqOptions, error: Exception) -> str:
    """Says why the gripper cannot be read, in one sentence with the way out."""
    speed = "" if options.port.startswith(TCP_PREFIX) else f" at {options.baudrate} baud"
    where = f"slave {options.slave_id} on {options.port}{speed}"
    if isinstance(error, NoAnswerError):
        return f"no answer from {where}; check the 24 V supply, the wiring, and the keys slave_id and baudrate"
    if isinstance(error, LineLostError):
        return f"the line to {where} broke while it was opened: {error}"
    return (
        f"no usable answer from {where}: {error}; check the wiring, and the keys slave_id, baudrate and read_function"
    )
