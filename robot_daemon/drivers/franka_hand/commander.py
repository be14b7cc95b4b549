"""Owns the connection to a Franka Hand: one thread issues its blocking commands, one reads its states.

libfranka waits for the end of a command without limit and notices a broken connection only when it sends, so every
command has a deadline here, at which the hand is told to stop. A stop that is not answered is no lost hand: the command
is given up, and because libfranka still waits, the hand is connected anew for the next one.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import franky

logger = logging.getLogger(__name__)

POLL_S = 0.01
STOP_TIME_S = 1.0
"""How long the hand may take to stop before its command is given up, s."""
RECONNECT_INTERVAL_S = 0.5
MARGIN_S = 5.0
"""What a command may take beyond its way, s."""
HOMING_TIME_S = 20.0
ANY_WIDTH = 1.0
"""Tolerance of a grasp, m: whatever stops the fingers counts as the object."""
LONGEST_WAY = 0.2


class UnansweredError(Exception):
    """Raised when the hand answered neither a command nor the stop that followed."""


_abandoned: list[object] = []
"""Commands without an answer: to drop them would wait for it."""


@dataclass(frozen=True)
class Move:
    """Goes to a width, m, at a speed, m/s."""

    width: float
    speed: float

    @property
    def limit_s(self) -> float:
        """Returns the longest time it may take, s: that of the longest way."""
        return LONGEST_WAY / self.speed + MARGIN_S

    def begin(self, hand: franky.Gripper) -> franky.BoolFuture:
        """Starts the command."""
        return hand.move_async(self.width, self.speed)


@dataclass(frozen=True)
class Grasp(Move):
    """Closes on whatever is there at a speed, m/s, and keeps a force, N."""

    force: float

    def begin(self, hand: franky.Gripper) -> franky.BoolFuture:
        """Starts the command."""
        return hand.grasp_async(self.width, self.speed, self.force, ANY_WIDTH, ANY_WIDTH)


@dataclass(frozen=True)
class Homing:
    """Closes and opens fully to measure the stroke."""

    limit_s: float = HOMING_TIME_S
    """Generous."""

    def begin(self, hand: franky.Gripper) -> franky.BoolFuture:
        """Starts the command."""
        return hand.homing_async()


Command: TypeAlias = Move | Homing


@dataclass(frozen=True)
class Sample:
    """Holds one state of the hand."""

    time_ns: int
    width: float
    max_width: float
    """0 before homing, m."""
    is_grasped: bool


@dataclass(frozen=True)
class Progress:
    """Says where the newest command stands."""

    command: Command | None
    """None before the first one."""
    ended_ns: int | None
    """When it ended; None while it waits or runs."""


class Listener(Protocol):
    """Receives what the threads find; must not block."""

    def note_sample(self, sample: Sample) -> None:
        """Called with each state."""
        ...

    def note_loss(self, reason: str, time_ns: int) -> None:
        """Called when the hand cannot be reached."""
        ...

    def note_end(self, failure: str | None, time_ns: int) -> None:
        """Called when a command has ended, perhaps by an error of the hand."""
        ...


class Commander:
    """Runs the newest command and reads states. Any thread may call.

    Commands are forgotten when the hand is lost: it never moves because it came back.
    """

    def __init__(self, host: str, listener: Listener, now_ns: Callable[[], int]) -> None:
        self._host = host
        self._listener = listener
        self._now_ns = now_ns
        self._changed = threading.Condition()
        self._is_closing = False
        self._hand: franky.Gripper | None = None
        self.sample: Sample | None = None
        """Newest state; None while the hand is lost."""
        self.progress = Progress(None, 0)
        """Where the newest command stands."""
        self._count = 0
        self._begun = 0
        self._failure: Exception | None = None
        self._threads = [
            threading.Thread(target=self._command_forever, name="franka-hand", daemon=True),
            threading.Thread(target=self._read_forever, name="franka-hand-state", daemon=True),
        ]

    def start(self) -> None:
        """Begins to connect."""
        for thread in self._threads:
            thread.start()

    def wait_for_sample(self, timeout_s: float) -> Exception | None:
        """Waits for the first state; returns why there is none, TimeoutError included, else None."""
        with self._changed:
            self._changed.wait_for(lambda: self.sample is not None or self._failure is not None, timeout_s)
            if self.sample is not None:
                return None
            return self._failure or TimeoutError(f"no answer within {timeout_s:g} s")

    def submit(self, command: Command) -> None:
        """Runs a command as soon as the present one has stopped. Ignored while the hand is lost."""
        with self._changed:
            if self.sample is not None:
                self.progress = Progress(command, None)
                self._count += 1
                self._changed.notify_all()

    def close(self) -> None:
        """Stops a command that runs and lets go of the hand; a complete grasp keeps its force."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=2.0)
        self._hand = None

    def _command_forever(self) -> None:
        while not self._is_closing:
            hand = self._hand
            if hand is None:
                self._connect()
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._is_due or self._is_closing or self._hand is None)
                command, number = self.progress.command, self._count
            if command is not None and self._is_due and not self._is_closing:
                self._begun = number
                self._execute(hand, command, number)

    @property
    def _is_due(self) -> bool:
        return self.progress.command is not None and self._begun != self._count

    def _execute(self, hand: franky.Gripper, command: Command, number: int) -> None:
        failure = None
        try:
            future = command.begin(hand)
            self._follow(hand, command, future, number)
            future.get()
        except franky.CommandException as error:
            failure = str(error)
        except UnansweredError as error:
            failure = str(error)
            self._leave(hand)
        except (franky.Exception, RuntimeError) as error:
            self._lose(hand, error)
            return
        with self._changed:
            if self._count == number:
                self.progress = Progress(command, self._now_ns())
        if number == self._count:
            self._listener.note_end(failure, self._now_ns())

    def _follow(self, hand: franky.Gripper, command: Command, future: franky.BoolFuture, number: int) -> None:
        """Returns when the command has ended: by itself, by a newer one, at its deadline, or with the connection."""
        deadline = time.monotonic() + command.limit_s
        while not future.wait(POLL_S):
            is_wanted = self._count == number and not self._is_closing and self._hand is hand
            if not is_wanted or time.monotonic() > deadline:
                if not (_stop(hand) and future.wait(STOP_TIME_S)):
                    _abandoned.extend((hand, future))
                    raise UnansweredError("it answered neither the command nor a stop")
                return

    def _read_forever(self) -> None:
        while not self._is_closing:
            with self._changed:
                self._changed.wait_for(lambda: self._hand is not None or self._is_closing)
                hand = self._hand
            if hand is None:
                continue
            try:
                state = hand.state
            except (franky.Exception, RuntimeError) as error:
                self._lose(hand, error)
                continue
            self._publish(hand, Sample(self._now_ns(), state.width, state.max_width, state.is_grasped))

    def _publish(self, hand: franky.Gripper, sample: Sample) -> None:
        with self._changed:
            if self._hand is not hand:
                return
            is_first = self.sample is None
            self.sample = sample
            if is_first:
                self._changed.notify_all()
        self._listener.note_sample(sample)

    def _connect(self) -> None:
        try:
            hand = franky.Gripper(self._host)
        except (franky.Exception, RuntimeError) as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
            self._listener.note_loss(_sentence(error), self._now_ns())
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, RECONNECT_INTERVAL_S)
            return
        with self._changed:
            self._hand = hand
            self._changed.notify_all()

    def _leave(self, hand: franky.Gripper) -> None:
        """Gives a connection up that waits for ever; the newest command is for the next one."""
        with self._changed:
            if self._hand is hand:
                self._hand = None

    def _lose(self, hand: franky.Gripper, error: Exception) -> None:
        with self._changed:
            if self._hand is not hand:
                return
            self._hand = self.sample = None
            self.progress = Progress(None, 0)
            self._changed.notify_all()
        logger.warning("the Franka Hand is lost: %s", error)
        self._listener.note_loss(_sentence(error), self._now_ns())


def _stop(hand: franky.Gripper) -> bool:
    """Stops the hand; returns whether it answered in time. Raises what libfranka raises.

    Runs in a thread of its own, because `stop` and even `stop_async` wait for an answer without limit.
    """
    errors: list[Exception] = []

    def stop() -> None:
        try:
            hand.stop()
        except franky.CommandException:
            logger.debug("the Franka Hand had nothing to stop")
        except (franky.Exception, RuntimeError) as error:
            errors.append(error)

    thread = threading.Thread(target=stop, name="franka-hand-stop", daemon=True)
    thread.start()
    thread.join(STOP_TIME_S)
    if errors:
        raise errors[0]
    return not thread.is_alive()


def _sentence(error: Exception) -> str:
    """Returns what libfranka says, without its own name and full stop."""
    return str(error).removeprefix("libfranka gripper: ").removeprefix("libfranka: ").rstrip(".! ")
