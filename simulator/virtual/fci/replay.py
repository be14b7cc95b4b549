"""Serves the recorded states of an arm to libfranka, at their own pace, again and again. Nothing can be moved."""

import time
from pathlib import Path

import numpy as np

from robot_daemon.operations.traces.trace_file import Direction, TraceError, read_trace
from simulator.model.arm_table import ArmTable
from simulator.model.arm_urdf import urdf
from simulator.virtual.fci.client_link import ClientLink
from simulator.virtual.fci.protocol import (
    STATE,
    VERSION,
    Command,
    MoveStatus,
    PlainStatus,
    Request,
    SetterStatus,
    StopStatus,
    pack_response,
)

PERIOD_S = 0.001
"""Time that one number of a state stands for, s."""
IDLE_S = 0.002
"""Time between two looks for a client, s."""


class ReplayServer:
    """Answers libfranka with a trace. A client that connects hears it from its beginning.

    Settings are accepted and change nothing, because states are sent as they were recorded but for their numbers, which
    go on rising where the trace begins anew. Motions and recovery are refused: a recording cannot be moved.

    Args:
        path: The trace.
        table: Model of the arm, which libfranka asks for.
        host: Address to listen on.
        port: TCP port; 0 picks one.

    Raises:
        TraceError: The trace cannot be read, or holds no states.
        OSError: The address cannot be served.
    """

    def __init__(self, path: Path, table: ArmTable, host: str, port: int) -> None:
        self._states = recorded_states(path)
        self._numbers = self._states["message_id"] - self._states["message_id"][0]
        self._span = int(self._numbers[-1]) + 1
        self._model_text = urdf(table).encode()
        self._is_ending = False
        self.link = ClientLink(host, port, VERSION)

    def stop(self) -> None:
        """Ends `run` soon; a signal handler may call this."""
        self._is_ending = True

    def run(self) -> None:
        """Serves until `stop`."""
        try:
            while not self._is_ending:
                self._answer()
                if self.link.is_connected:
                    self._play()
                else:
                    time.sleep(IDLE_S)
        finally:
            self.link.close()

    def _play(self) -> None:
        """Sends states to the client that is there, until it has gone."""
        began_s, index, round_number = time.monotonic(), 0, 0
        while self.link.is_connected and not self._is_ending:
            number = int(self._numbers[index]) + round_number * self._span
            time.sleep(max(0.0, began_s + number * PERIOD_S - time.monotonic()))
            state = self._states[index].copy()
            state["message_id"] = number + 1
            self.link.send_state(bytearray(state.tobytes()))
            self._answer()
            while self.link.receive_command():
                pass
            index += 1
            if index == len(self._states):
                index, round_number = 0, round_number + 1

    def _answer(self) -> None:
        for request in self.link.poll():
            self.link.answer(self._answer_to(request))

    def _answer_to(self, request: Request) -> bytes:
        command = request.command
        if command is Command.GET_ROBOT_MODEL:
            return pack_response(command, request.command_id, PlainStatus.SUCCESS, self._model_text)
        refused = {
            Command.MOVE: MoveStatus.NOT_POSSIBLE,
            Command.STOP_MOVE: StopStatus.NOT_POSSIBLE,
            Command.AUTOMATIC_ERROR_RECOVERY: PlainStatus.NOT_POSSIBLE,
        }
        return pack_response(command, request.command_id, refused.get(command, SetterStatus.SUCCESS))


def recorded_states(path: Path) -> np.ndarray:
    """Reads the states of a trace, in the order of their numbers, each once. Shape (N,) of `protocol.STATE`.

    Raises:
        TraceError: The trace cannot be read, or holds no states.
    """
    payloads = [
        datagram.payload
        for datagram in read_trace(path).datagrams
        if datagram.direction is Direction.STATE and len(datagram.payload) == STATE.itemsize
    ]
    if not payloads:
        raise TraceError(f"{path} holds no states; record while a program is connected to the arm")
    states = np.frombuffer(b"".join(payloads), dtype=STATE)
    restarts = np.flatnonzero(np.diff(states["message_id"].astype(np.int64)) < 0)
    first = int(restarts[-1]) + 1 if len(restarts) else 0  # The last connection alone, where there were several.
    _, indices = np.unique(states["message_id"][first:], return_index=True)
    return states[first:][indices]
