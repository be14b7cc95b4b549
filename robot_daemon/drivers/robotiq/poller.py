"""Talks to the gripper in one thread: reads its status, writes the newest command, reconnects after a loss."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from robot_daemon.drivers.robotiq.faults import FaultMemory
from robot_daemon.drivers.robotiq.modbus import AnswerError, BusyError, LineLostError, ModbusClient
from robot_daemon.drivers.robotiq.registers import (
    COMMAND_ADDRESS,
    REGISTER_COUNT,
    STATUS_ADDRESS,
    Activation,
    Command,
    Status,
)
from robot_daemon.hardware.devices import DeviceConnectError

logger = logging.getLogger(__name__)

MISSES_UNTIL_LOST, LOST_AFTER_S = 3, 0.3
"""Requests in a row without a good answer, and time since the last one, after which the gripper counts as lost: a burst
of noise is over sooner, and what was asked for is then written."""
RECONNECT_INTERVAL_S = 0.25


class Device:
    """Reads and writes the registers of a gripper by a Modbus client. Raises like `ModbusClient`."""

    def __init__(self, client: ModbusClient, read_function: int) -> None:
        self._client = client
        self._read_function = read_function

    def read(self) -> Status:
        """Reads the status."""
        return Status.from_bytes(self._client.read_registers(self._read_function, STATUS_ADDRESS, REGISTER_COUNT))

    def write(self, command: Command) -> None:
        """Writes a command; returns when it is acknowledged."""
        self._client.write_registers(COMMAND_ADDRESS, command.to_bytes())

    def close(self) -> None:
        """Lets go of the line."""
        self._client.close()


@dataclass(frozen=True)
class Sample:
    """Holds one reading of the status."""

    time_ns: int
    """Middle of the exchange."""
    status: Status
    written: int
    """Number of the newest request that was written before."""


@dataclass(frozen=True)
class Request:
    """Holds a command that somebody asked for."""

    number: int
    command: Command
    width: float
    """Opening that was asked for, m."""


class Cycle(Enum):
    """Names what is to be done before commands are obeyed again."""

    NONE = auto()
    RESET = auto()
    ACTIVATE = auto()


class Poller:
    """Owns the line. Other threads leave requests, of which the newest wins, and look at the newest sample.

    Nothing is written but requests and cycles, and both are forgotten when the gripper is lost: it never moves because
    it came back.

    Args:
        connect: Opens the line and sees whether the gripper answers. Raises DeviceConnectError.
        faults: Hears of every sample, loss and reset.
        now_ns: Clock of the samples.
        rate_hz: Readings a second.
        clock: Seconds, monotonic, by which a gripper that does not answer is given up.

    Raises:
        DeviceConnectError: The first connection failed.
    """

    def __init__(
        self,
        connect: Callable[[], Device],
        faults: FaultMemory,
        now_ns: Callable[[], int],
        rate_hz: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._faults = faults
        self._now_ns = now_ns
        self._period_s = 1.0 / rate_hz
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self.request: Request | None = None
        """Newest request since the gripper was last found or reset; None when there was none."""
        self._count = 0
        self._written = 0
        self._cycle = Cycle.NONE
        self._cycle_count = 0
        self._misses = 0
        self._clock = clock
        self._heard_s = clock()
        self.sample: Sample | None = None
        """Newest reading; None while the gripper is lost."""
        self._device: Device | None = self._attach()
        self._thread = threading.Thread(target=self._run, name="robotiq", daemon=True)
        self._thread.start()

    @property
    def is_cycling(self) -> bool:
        """Returns whether a cycle was asked for and not handed over yet."""
        return self._cycle is not Cycle.NONE

    def submit(self, command: Command, width: float) -> None:
        """Asks for a command. Ignored while the gripper is lost, or reset and not about to be activated."""
        with self._changed:
            sample = self.sample
            if sample is None or (sample.status.is_reset and self._cycle is not Cycle.ACTIVATE):
                return
            if self.request is None or self.request.command != command:
                self._count += 1
                self.request = Request(self._count, command, width)

    def begin(self, cycle: Cycle) -> None:
        """Asks for an activation or a reset, and forgets earlier requests. Ignored while the gripper is lost."""
        with self._changed:
            if self.sample is not None:
                self._cycle, self.request = cycle, None
                self._cycle_count += 1

    def wait_for_cycle(self, timeout_s: float) -> None:
        """Returns when the cycle was handed over and its outcome read, when the gripper is lost, or after a time."""
        with self._changed:
            self._changed.wait_for(lambda: self._cycle is Cycle.NONE, timeout_s)

    def close(self) -> None:
        """Ends the thread and lets go of the line; the fingers stay as they are."""
        self._closing.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._closing.is_set():
            try:
                self._turn()
            except Exception:
                logger.exception("the gripper's thread met a bug; the gripper counts as lost")
                self._lose("its driver failed; see the log")
            now = time.monotonic()
            due = max(due + self._period_s, now)
            self._closing.wait(due - now)
        if self._device is not None:
            self._device.close()

    def _turn(self) -> None:
        """Goes one round: reconnects, or writes what is new and reads."""
        device = self._device
        if device is None:
            self._reconnect()
            return
        try:
            done = self._write(device)
            self._read(device, done)
            self._note_answer()
        except LineLostError as error:
            self._lose(str(error))
        except BusyError:
            self._note_answer()
        except AnswerError as error:
            self._misses += 1
            if self._misses >= MISSES_UNTIL_LOST and self._clock() - self._heard_s >= LOST_AFTER_S:
                self._lose(str(error))

    def _note_answer(self) -> None:
        self._misses, self._heard_s = 0, self._clock()

    def _write(self, device: Device) -> int:
        """Hands over the cycle, else the request, that is due; returns the number of a completed cycle, else 0."""
        with self._changed:
            cycle, number, request, sample = self._cycle, self._cycle_count, self.request, self.sample
        if cycle is not Cycle.NONE:
            return number if self._hand_over(device, cycle) else 0
        if request is None or request.number <= self._written or sample is None:
            return 0
        if sample.status.is_reset:  # Meanwhile; writing the request would activate the gripper.
            with self._changed:
                self.request = None
        elif sample.status.activation is Activation.ACTIVE:
            device.write(request.command)
            self._written = request.number
        return 0

    def _hand_over(self, device: Device, cycle: Cycle) -> bool:
        """Clears rACT; once the gripper confirms that, sets it again for an activation. Returns whether it is done."""
        device.write(Command())
        if device.read().activated:
            return False
        if cycle is Cycle.ACTIVATE:
            device.write(Command(activate=True))
        else:
            self._faults.note_reset()
        return True

    def _read(self, device: Device, done: int = 0) -> None:
        before = self._now_ns()
        status = device.read()
        time_ns = (before + self._now_ns()) // 2
        self._faults.note_status(status, time_ns)
        with self._changed:
            self.sample = Sample(time_ns, status, self._written)
            if done == self._cycle_count:  # Not when another one was begun meanwhile.
                self._cycle = Cycle.NONE
            self._changed.notify_all()

    def _lose(self, reason: str) -> None:
        device, self._device = self._device, None
        self._faults.note_loss(reason, self._now_ns())
        with self._changed:
            self.sample = self.request = None
            self._cycle = Cycle.NONE
            self._misses = 0
            self._changed.notify_all()
        logger.warning("the gripper is lost: %s", reason)
        if device is not None:
            device.close()

    def _attach(self) -> Device:
        device = self._connect()
        try:
            self._read(device)
        except (AnswerError, LineLostError) as error:
            device.close()
            raise DeviceConnectError(f"the gripper answers once and then no more: {error}") from None
        return device

    def _reconnect(self) -> None:
        try:
            self._device = self._attach()
            self._note_answer()
            logger.info("the gripper is back")
        except DeviceConnectError as error:
            self._faults.note_loss(str(error), self._now_ns())
            self._closing.wait(RECONNECT_INTERVAL_S)
