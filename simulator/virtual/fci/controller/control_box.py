"""Emulates the arm's control box: modes, commands, one control cycle a millisecond. Knows no sockets, no time."""

import logging

import numpy as np

from serl_api.values import FloatArray
from simulator.virtual.fci.controller.cartesian_followers import (
    CartesianFollower,
    CartesianPoseFollower,
    CartesianVelocityFollower,
)
from simulator.virtual.fci.controller.estimation import ExternalForces
from simulator.virtual.fci.controller.flange_frame import DesiredArm
from simulator.virtual.fci.controller.followers import Follower, joint_follower
from simulator.virtual.fci.controller.joint_control import Reference, following_torque
from simulator.virtual.fci.controller.motion import CommandTally, Motion
from simulator.virtual.fci.controller.plant import PERIOD_S, Plant
from simulator.virtual.fci.controller.reflexes import (
    LOST_PACKET_LIMIT,
    check_contact,
    check_joints,
    check_losses,
    check_torque,
    joint_limits,
)
from simulator.virtual.fci.controller.settings import initial_settings
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import (
    Command,
    Controller,
    Generator,
    MoveStatus,
    PlainStatus,
    Request,
    RobotMode,
    SetterStatus,
    StopStatus,
    pack_response,
    parse_move,
)

logger = logging.getLogger(__name__)

FIRST_COMMAND_CYCLES = 500
"""Cycles that a client gets for its first command after the motion was announced."""
GUIDING_DAMPING = 2.0
"""What a hand that guides the arm has to overcome, Nms/rad; ours, as the real one is not published."""


class ControlBox:
    """Runs the state machine of one arm.

    Args:
        plant: The arm.
        lost_packet_limit: Commands missing in a row that stop a motion.
    """

    def __init__(self, plant: Plant, lost_packet_limit: int = LOST_PACKET_LIMIT) -> None:
        self.plant = plant
        self.limits = joint_limits(plant.table)
        self.settings = initial_settings(plant)
        self.external = ExternalForces()
        self.reference = Reference(plant.positions, self.limits)
        self.desired = DesiredArm(plant.table)
        """The arm at the reference, as of the last cycle."""
        self.tally = CommandTally()
        self.mode = RobotMode.IDLE
        self.motion: Motion | None = None
        self.faults = np.zeros(len(Fault), dtype=np.uint8)
        """Present errors, one flag each."""
        self.reflex_reason = np.zeros(len(Fault), dtype=np.uint8)
        """What ended the last motion."""
        self.torque: FloatArray = np.zeros(7)
        """Last commanded torque, Nm."""
        self.joint_torque: FloatArray = plant.gravity.copy()
        """What the joints' sensors measure, with gravity, Nm."""
        self.joint_torque_rate: FloatArray = np.zeros(7)
        """Its change per time, Nm/s."""
        self.message_id = 0
        """Number of the last state: cycles since switching on."""
        self.refusing_modes: frozenset[RobotMode] = frozenset()
        """Modes in which whatever sets something is refused, beside motion. Whether a real box does so is unknown."""
        self._lost_packet_limit = lost_packet_limit
        self._recovery_id: int | None = None
        self._responses: list[bytes] = []

    @property
    def success_rate(self) -> float:
        """Returns the share of the last commands that came in time; 0 while no motion runs, as on the real box."""
        return self.tally.success_rate if self.motion is not None else 0.0

    @property
    def reported_modes(self) -> tuple[Generator, Controller]:
        """Returns generator and controller as the state says them."""
        motion = self.motion
        return (Generator.IDLE, Controller.OTHER) if motion is None else (motion.generator, motion.controller)

    @property
    def cartesian_follower(self) -> CartesianFollower | None:
        """Returns the follower of a Cartesian motion generator that runs."""
        follower = None if self.motion is None else self.motion.follower
        return follower if isinstance(follower, CartesianFollower) else None

    def desired_twist(self) -> FloatArray | None:
        """Returns the tool's twist at the reference, in base, m/s and rad/s; None at rest. Shape (6,)."""
        if self.reference.is_at_rest:
            return None
        return self.desired.flange.jacobian(self.settings.flange_to_tool[:3, 3]) @ self.reference.velocities

    def place(self, positions: FloatArray) -> None:
        """Puts the idle arm at joint positions, at rest. Shape (7,), rad."""
        self.plant.place(positions)
        self.reference = Reference(self.plant.positions, self.limits)

    def take_responses(self) -> list[bytes]:
        """Returns the answers to be sent over TCP after the next state."""
        responses, self._responses = self._responses, []
        return responses

    def handle(self, request: Request) -> bytes | None:
        """Obeys a command and returns its first answer; None when it will be answered later.

        Raises:
            ProtocolError: The payload makes no sense.
        """
        if request.command is Command.MOVE:
            status: int = self._start_motion(request)
        elif request.command is Command.STOP_MOVE:
            refusal = self._stop_motion(request)
            if refusal is None:
                return None
            status = refusal
        elif request.command is Command.AUTOMATIC_ERROR_RECOVERY:
            if self._begin_recovery(request):
                return None
            rejected_by_safety = self.mode is RobotMode.USER_STOPPED
            status = PlainStatus.REJECTED_BY_SAFETY if rejected_by_safety else PlainStatus.NOT_POSSIBLE
        elif self.motion is not None or self.mode in self.refusing_modes:
            status = SetterStatus.NOT_POSSIBLE
        else:
            status = self.settings.apply(request.command, request.payload, self.plant)
        return pack_response(request.command, request.command_id, status)

    def cycle(self, command: np.void | None, *, was_due: bool) -> None:
        """Lets one millisecond pass.

        Args:
            command: Newest command that answers the last state; None when none came.
            was_due: Whether the client had its full millisecond to send one.
        """
        self.message_id += 1
        torque = self._torque(command, was_due=was_due)
        plant, limit = self.plant, self.limits.torque
        self.torque = np.minimum(np.maximum(torque, -limit), limit)
        plant.step(self.torque)
        measured = self.torque + plant.gravity + plant.load_torque
        self.joint_torque_rate = (measured - self.joint_torque) / PERIOD_S
        self.joint_torque = measured
        self.external.update(plant, self.settings)
        if self.motion is not None:
            self._watch(self.motion)
        elif self._recovery_id is not None and self.reference.is_at_rest and self._is_inside():
            self._end_recovery(self._recovery_id)

    def reflex(self, fault: Fault) -> None:
        """Stops the arm by a reflex."""
        logger.info("reflex: %s", fault.name.lower())
        self.faults[fault] = 1
        self.reflex_reason[fault] = 1
        if self.mode is not RobotMode.USER_STOPPED:
            self.mode = RobotMode.REFLEX
        self._end_motion(MoveStatus.REFLEX_ABORTED, StopStatus.REFLEX_ABORTED)

    def press_user_stop(self) -> None:
        """Presses the user stop."""
        self.mode = RobotMode.USER_STOPPED
        self._end_motion(MoveStatus.EMERGENCY_ABORTED, StopStatus.EMERGENCY_ABORTED)

    def release_user_stop(self) -> None:
        """Releases the user stop."""
        if self.mode is RobotMode.USER_STOPPED:
            self.mode = RobotMode.REFLEX if self.faults.any() else RobotMode.IDLE

    def close_brakes(self) -> None:
        """Closes the brakes, as Desk does: the arm is in no mode that takes motions."""
        if self.motion is not None:
            self.press_user_stop()
        self.mode = RobotMode.OTHER

    def open_brakes(self) -> None:
        """Opens the brakes again."""
        if self.mode is RobotMode.OTHER:
            self.mode = RobotMode.REFLEX if self.faults.any() else RobotMode.IDLE

    def take_by_hand(self) -> None:
        """Begins hand guiding: the arm gives way. A motion ends first, as by the stop button."""
        if self.motion is not None:
            self.press_user_stop()
        self.mode = RobotMode.GUIDING

    def let_go(self) -> None:
        """Ends hand guiding; the arm stays where it was guided."""
        if self.mode is RobotMode.GUIDING:
            self.mode = RobotMode.REFLEX if self.faults.any() else RobotMode.IDLE

    def lose_client(self) -> None:
        """Takes in that the client has gone: a motion ends as for a broken cable."""
        if self.motion is not None:
            self.reflex(Fault.COMMUNICATION_CONSTRAINTS_VIOLATION)
        self._responses.clear()
        self._recovery_id = None

    def _start_motion(self, request: Request) -> MoveStatus:
        wanted = parse_move(request.payload)
        if self.mode is RobotMode.USER_STOPPED:
            return MoveStatus.REJECTED_BY_SAFETY
        if self.mode is not RobotMode.IDLE or self.motion is not None:
            return MoveStatus.NOT_POSSIBLE
        if wanted.generator is Generator.NONE and wanted.controller is not Controller.EXTERNAL:
            return MoveStatus.INVALID_ARGUMENT
        self.motion = Motion(request.command_id, wanted, self._new_follower(wanted.generator))
        self.mode = RobotMode.MOVE
        self.reflex_reason[:] = 0
        self.tally.restart()
        return MoveStatus.MOTION_STARTED

    def _new_follower(self, generator: Generator) -> Follower | None:
        table, settings = self.plant.table, self.settings
        if generator is Generator.CARTESIAN_POSITION:
            kind = CartesianPoseFollower
        elif generator is Generator.CARTESIAN_VELOCITY:
            kind = CartesianVelocityFollower
        else:
            return joint_follower(generator, self.reference, self.limits)
        return kind(self.reference, table, self.limits, self.desired, settings.flange_to_tool)

    def _stop_motion(self, request: Request) -> StopStatus | None:
        """Begins to brake; a motion that cannot be stopped has its refusal returned."""
        if self.mode is RobotMode.USER_STOPPED:
            return StopStatus.REJECTED_BY_SAFETY
        if self.motion is None or self.motion.stop_id is not None:
            return StopStatus.NOT_POSSIBLE
        self.motion.is_ending = True
        self.motion.stop_id = request.command_id
        return None

    def _begin_recovery(self, request: Request) -> bool:
        if self.mode in (RobotMode.OTHER, RobotMode.USER_STOPPED, RobotMode.GUIDING) or self.motion is not None:
            return False
        self.faults[:] = 0
        self.mode = RobotMode.RECOVERY
        self._recovery_id = request.command_id
        return True

    def _is_inside(self) -> bool:
        """Returns whether braking keeps the arm within its position limits."""
        positions, limits = self.plant.positions, self.limits
        return not np.count_nonzero((positions > limits.upper) | (positions < limits.lower))

    def _end_recovery(self, command_id: int) -> None:
        self.mode = RobotMode.IDLE
        self._recovery_id = None
        self._responses.append(pack_response(Command.AUTOMATIC_ERROR_RECOVERY, command_id, PlainStatus.SUCCESS))

    def _end_motion(self, status: MoveStatus, stop_status: StopStatus = StopStatus.SUCCESS) -> None:
        motion, self.motion = self.motion, None
        if motion is None:
            return
        if motion.stop_id is not None:
            self._responses.append(pack_response(Command.STOP_MOVE, motion.stop_id, stop_status))
        self._responses.append(pack_response(Command.MOVE, motion.command_id, status))

    def _torque(self, command: np.void | None, *, was_due: bool) -> FloatArray:
        motion = self.motion
        if self.mode is RobotMode.GUIDING:
            return self._give_way()
        if motion is None or motion.is_ending:
            return self._stand_still()
        if command is None:
            return self._go_on(motion, was_due=was_due)
        self.tally.count_received()
        fault = motion.follow(command)
        torque = np.array(command["tau_J_d"]) if motion.takes_torques else None
        if fault is None and torque is not None:
            fault = check_torque(torque, self.torque, self.limits)
        if fault is not None:
            self.reflex(fault)
            return self._stand_still()
        motion.is_ending = motion.is_finished(command)
        return self._obey(motion, torque)

    def _go_on(self, motion: Motion, *, was_due: bool) -> FloatArray:
        """Goes on for a cycle without a command: torques stay, generators keep their velocity, as on the real box."""
        if was_due:
            self.tally.count_missed(has_started=motion.has_started)
        if not motion.has_started:
            return self._stand_still()
        if motion.follower is not None:
            motion.follower.extrapolate()
        return self._obey(motion, self.torque if motion.takes_torques else None)

    def _obey(self, motion: Motion, torque: FloatArray | None) -> FloatArray:
        """Returns the client's torque, or the own controller's for the reference."""
        if torque is None:
            self.desired.update(self.reference.positions)
            return following_torque(self.reference, self.plant, self.settings.joint_stiffness)
        if motion.follower is None:
            self.reference.measure(self.plant)
        return torque

    def _stand_still(self) -> FloatArray:
        self.reference.brake()
        self.desired.update(self.reference.positions)
        return following_torque(self.reference, self.plant, self.settings.joint_stiffness)

    def _give_way(self) -> FloatArray:
        self.reference.measure(self.plant)
        self.desired.update(self.reference.positions)
        return self.plant.coriolis() - GUIDING_DAMPING * self.plant.velocities

    def _watch(self, motion: Motion) -> None:
        """Stops the motion for what was measured or has not come; ends it once it is over and the arm stands."""
        plant, external = self.plant, self.external
        limit = self._lost_packet_limit if motion.has_started else FIRST_COMMAND_CYCLES
        fault = check_losses(self.tally.missed_in_a_row, limit)
        if fault is None:
            fault = check_joints(plant.positions, plant.velocities, self.limits)
        if fault is None:
            fault = check_contact(external.joint_torques, external.tool_wrench, self.settings.thresholds)
        if fault is not None:
            self.reflex(fault)
        elif motion.is_ending and self.reference.is_at_rest:
            self.mode = RobotMode.IDLE
            self._end_motion(MoveStatus.SUCCESS if motion.stop_id is None else MoveStatus.PREEMPTED)
