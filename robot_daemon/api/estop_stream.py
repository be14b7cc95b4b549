"""Watches over one e-stop endpoint: sends challenges, and stops the arm when no answer comes."""

import queue
import threading
import time
from collections.abc import Iterator

import grpc
from serl.robot.v1 import robot_service_pb2

from robot_daemon.control.daemon import DaemonCore
from serl_api.codec import requests
from serl_api.codec.times import decode_duration
from serl_api.errors.robot import InvalidRequestError, LimitExceededError, ModeError, StopLatchedError

MAX_ESTOPS = 8
"""E-stop endpoints armed at once."""
CHALLENGE_INTERVAL_S = 0.05
"""Time from an answer to the next challenge, s."""
SHORTEST_TIMEOUT_S, LONGEST_TIMEOUT_S = 0.1, 0.5
"""Bounds of the time that an answer may take, s."""

Request = robot_service_pb2.EStopRequest


class EStopStream:
    """Serves one call of `RobotService.EStop`.

    Args:
        core: Whose arm is stopped.
        incoming: What the endpoint says.
    """

    def __init__(self, core: DaemonCore, incoming: Iterator[Request]) -> None:
        self._core = core
        self._incoming = incoming
        self._said: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._challenge = 0
        self._name = ""
        self._why = "the e-stop endpoint went away without being released"

    def serve(self) -> Iterator[robot_service_pb2.EStopResponse]:
        """Sends challenges until the endpoint leaves.

        Raises:
            InvalidRequestError: It did not begin by arming itself, or has no name.
            LimitExceededError: Its timeout is out of bounds.
            StopLatchedError: It did not answer in time, or went away; the arm has been stopped.
        """
        timeout_s = self._arm()
        endpoint, is_released = self._core.arm_estop(self._name), False
        threading.Thread(target=self._listen, name="estop", daemon=True).start()
        try:
            while not is_released:
                self._challenge += 1
                yield self._response()
                is_released = self._hear(timeout_s, until_answered=True) or self._hear(CHALLENGE_INTERVAL_S)
        finally:  # Also where the call was cut off, and the generator is closed.
            if not is_released:
                self._core.stop(self._name, self._why)
            self._core.disarm_estop(endpoint)

    def _arm(self) -> float:
        """Reads the first request; returns how long an answer may take, s."""
        first = next(self._incoming, None)
        if first is None or first.WhichOneof("request") != "arm":
            raise InvalidRequestError("the first request of an e-stop endpoint must be arm, with its name", field="arm")
        self._name = requests.decode_client_name(first.arm.client_name, "arm.client_name")
        if not first.arm.HasField("timeout"):
            return LONGEST_TIMEOUT_S
        timeout_s = decode_duration(first.arm.timeout)
        if not SHORTEST_TIMEOUT_S <= timeout_s <= LONGEST_TIMEOUT_S:
            raise LimitExceededError.outside(
                "arm.timeout", timeout_s, lower=SHORTEST_TIMEOUT_S, upper=LONGEST_TIMEOUT_S, unit="s"
            )
        return timeout_s

    def _listen(self) -> None:
        """Takes in what the endpoint says; None is the end of the call, in order or not."""
        try:
            for request in self._incoming:
                self._said.put(request)
        except (grpc.RpcError, InvalidRequestError):  # The latter for what is no message: as bad as no answer.
            pass
        finally:
            self._said.put(None)

    def _hear(self, seconds: float, *, until_answered: bool = False) -> bool:
        """Listens for a time, or until the challenge is answered; returns whether the endpoint leaves in order."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                said = self._said.get(timeout=max(deadline - time.monotonic(), 0.0))
            except queue.Empty:
                if not until_answered:
                    return False
                self._why = f"the e-stop endpoint gave no answer for {seconds:g} s"
                raise StopLatchedError.by(self._name, self._why) from None
            match None if said is None else said.WhichOneof("request"):
                case "release":
                    return True
                case "press":
                    assert said is not None
                    self._core.stop(self._name, said.press.text or "somebody pressed the e-stop")
                case "challenge":
                    assert said is not None
                    if until_answered and said.challenge == self._challenge:
                        return False
                case "arm":
                    text = "the e-stop endpoint is armed already; arm comes first, once"
                    raise ModeError(text, mode=self._core.mode.name)
                case _:
                    raise StopLatchedError.by(self._name, self._why)

    def _response(self) -> robot_service_pb2.EStopResponse:
        core = self._core
        session = core.session
        return robot_service_pb2.EStopResponse(
            challenge=self._challenge,
            mode=core.mode,  # type: ignore[arg-type]
            stop_latched=core.stopped is not None,
            control_holder="" if session is None else session.client_name,
        )
