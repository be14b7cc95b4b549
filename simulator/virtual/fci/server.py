"""Runs the virtual FCI's loop: 1 kHz by absolute deadlines, in one thread."""

import gc
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulator.model.arm_table import ArmTable
from simulator.model.arm_urdf import urdf
from simulator.virtual.fci.client_link import ClientLink
from simulator.virtual.fci.control_channel import ControlServer
from simulator.virtual.fci.controller.control_box import ControlBox
from simulator.virtual.fci.controller.plant import NO_TASK, Plant
from simulator.virtual.fci.controller.reflexes import LOST_PACKET_LIMIT
from simulator.virtual.fci.cycle_log import CycleLogWriter
from simulator.virtual.fci.injection import ControlRequests, Disturbances, robot_mode
from simulator.virtual.fci.postures import random_posture
from simulator.virtual.fci.protocol import PORT, VERSION, Command, PlainStatus, ProtocolError, Request, pack_response
from simulator.virtual.fci.scheduling import wake_precisely
from simulator.virtual.fci.state import StateMessage
from simulator.virtual.imperfections import PERFECT, Imperfections

logger = logging.getLogger(__name__)

PERIOD_NS = 1_000_000
"""Time of one cycle, ns."""
CATCH_UP_NS = 600_000
"""Shortest time between two cycles while the loop makes up for a delay of its own, ns: a client can still follow."""
DUE_NS = 900_000
"""Time after a state from which its command counts as missing, ns."""
MAX_LAG_NS = 200_000_000
"""Delay that is made up for; what lies further back is lost, ns."""
JUMP_REPORT_INTERVAL_NS = 10_000_000_000
"""Time between two warnings of lost time."""


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Holds what the command line chooses."""

    table: ArmTable
    host: str = "127.0.0.1"
    port: int = PORT
    task: str = NO_TASK
    seed: int = 0
    version: int = VERSION
    lost_packet_limit: int = LOST_PACKET_LIMIT
    imperfections: Imperfections = PERFECT
    log_file: Path | None = None
    control_socket: Path | None = None


class FciServer:
    """Serves one virtual arm behind sockets.

    Raises:
        OSError: The address, the log or the control socket cannot be had.
        NotFoundError: There is no such task.
        ValueError: There is no such mode to refuse settings in.
    """

    def __init__(self, options: ServerOptions) -> None:
        imperfections, rng = options.imperfections, np.random.default_rng(options.seed % 2**64)
        refusing = frozenset(robot_mode(name) for name in imperfections.refuse_settings)
        plant = Plant(options.table, options.task, options.seed)
        if imperfections.posture_seed is not None:
            plant.place(random_posture(options.table, imperfections.posture_seed))
        plant.spoil(imperfections)
        self.link = ClientLink(options.host, options.port, options.version)
        self.box = ControlBox(plant, options.lost_packet_limit)
        self.box.external.spoil(imperfections, rng)
        self._model_text = urdf(options.table).encode()
        self._state = StateMessage(self.box)
        self._disturbances = Disturbances(imperfections, rng)
        self._late_states: list[tuple[int, bytes]] = []
        self._log = None if options.log_file is None else CycleLogWriter(options.log_file)
        requests = ControlRequests(
            self.box,
            self._disturbances,
            client_host=lambda: self.link.client_host,
            time_ns=lambda: self._began_ns,
            refusing_modes=refusing,
        )
        self._control = (
            None if options.control_socket is None else ControlServer(options.control_socket, requests.handle)
        )
        self._is_ending = False
        self._began_ns = 0
        self._jumps = 0
        self._jump_report_ns = 0

    def stop(self) -> None:
        """Ends `run` after the present cycle; a signal handler may call this."""
        self._is_ending = True

    def run(self) -> None:
        """Serves until `stop`."""
        wake_precisely()
        gc.collect()
        gc.freeze()
        gc.disable()  # Nothing in the loop makes reference cycles, and a collection would take milliseconds.
        deadline_ns = time.monotonic_ns()
        try:
            while not self._is_ending:
                deadline_ns = self._wait(deadline_ns + PERIOD_NS)
                self._cycle(deadline_ns)
        finally:
            gc.enable()
            self.link.close()
            if self._control is not None:
                self._control.close()

    def _wait(self, deadline_ns: int) -> int:
        """Sleeps until a cycle's begin and returns its deadline, which moves on when time was lost."""
        now_ns = time.monotonic_ns()
        if self._disturbances.stall_s > 0.0:
            time.sleep(self._disturbances.stall_s)
            self._disturbances.stall_s = 0.0
            return time.monotonic_ns()
        if now_ns - deadline_ns > MAX_LAG_NS:
            self._note_jump(now_ns, now_ns - deadline_ns)
            return now_ns
        wait_ns = max(deadline_ns, self._began_ns + CATCH_UP_NS) - now_ns
        if wait_ns > 0:
            time.sleep(wait_ns * 1e-9)
        return deadline_ns

    def _note_jump(self, now_ns: int, lag_ns: int) -> None:
        """Logs that time was lost; now and then only, where the machine is always too busy."""
        self._jumps += 1
        if now_ns >= self._jump_report_ns:
            logger.warning("the loop stood still for %d ms; time has jumped %d times", lag_ns // 1_000_000, self._jumps)
            self._jump_report_ns = now_ns + JUMP_REPORT_INTERVAL_NS

    def _cycle(self, deadline_ns: int) -> None:
        began_ns = time.monotonic_ns()
        self._serve_requests()
        command = self._take_command()
        self.box.cycle(command, was_due=began_ns - self._began_ns > DUE_NS)
        self._began_ns = began_ns
        self._state.update()
        if not self._disturbances.loses_state():
            self._send_state(self._disturbances.delay_cycles())
        for response in self.box.take_responses():
            self.link.answer(response)
        if self._log is not None:
            self._write_log(self._log, began_ns, began_ns - deadline_ns, has_command=command is not None)

    def _send_state(self, delay: int) -> None:
        """Sends the present state, or keeps it for later; and those that were kept until now."""
        if self._late_states:
            due = [state for at, state in self._late_states if at <= self.box.message_id]
            self._late_states = [kept for kept in self._late_states if kept[0] > self.box.message_id]
            for state in due:
                self.link.send_state(state)
        if delay:
            self._late_states.append((self.box.message_id + delay, bytes(self._state.buffer)))
        else:
            self.link.send_state(self._state.buffer)

    def _serve_requests(self) -> None:
        was_connected = self.link.is_connected
        if self._control is not None:
            self._control.poll()
        if self._disturbances.wants_disconnect:
            self._disturbances.wants_disconnect = False
            self.link.drop("an injection closed the connection")
        for request in self.link.poll():
            self._handle(request)
        if was_connected and not self.link.is_connected:
            self.box.lose_client()

    def _take_command(self) -> np.void | None:
        """Takes the command that answers the last state; one that comes later counts as lost, as on the real arm."""
        while self.link.receive_command():
            if int(self.link.command["message_id"]) == self.box.message_id:
                return None if self._disturbances.loses_command() else self.link.command
        return None

    def _handle(self, request: Request) -> None:
        if request.command is Command.GET_ROBOT_MODEL:
            success = PlainStatus.SUCCESS
            self.link.answer(pack_response(request.command, request.command_id, success, self._model_text))
            return
        try:
            answer = self.box.handle(request)
        except ProtocolError as error:
            self.link.drop(str(error))
            return
        if answer is not None:
            self.link.answer(answer)
        self._state.write_settings()

    def _write_log(self, log: CycleLogWriter, began_ns: int, lateness_ns: int, *, has_command: bool) -> None:
        box = self.box
        plant = box.plant
        generator, controller = box.reported_modes
        log.append(
            box.message_id,
            times_ns=(began_ns, lateness_ns, time.monotonic_ns() - began_ns),
            modes=(box.mode, generator, controller),
            has_command=has_command,
            missed=box.tally.missed,
            vectors=(
                box.torque,
                plant.positions,
                plant.velocities,
                box.external.joint_torques,
                plant.flange.position,
            ),
        )
