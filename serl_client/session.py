"""Implements the control session: exclusive control of an arm for as long as one stream lives."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import grpc
from serl.robot.v1 import control_pb2, robot_service_pb2, robot_service_pb2_grpc

from serl_api.codec import control
from serl_api.codec.observation import decode_observation, encode_pixel_encoding
from serl_api.codec.times import decode_duration, encode_duration
from serl_api.enums import SessionClass
from serl_api.errors.robot import DeadlineError, RobotError, SessionClosedError, robot_error
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.pose_increment import PoseIncrement
from serl_api.values import (
    Compliance,
    FloatArray,
    GripperTarget,
    JointTarget,
    Load,
    MotionOutcome,
    MotionProgress,
    Observation,
    PixelEncoding,
    Pose,
    StepResult,
    Target,
    Triple,
)
from serl_client.connection.channel import SLOW_TIMEOUT_S, Connection
from serl_client.connection.stream_deadline import StreamDeadline
from serl_client.errors import MotionFailedError

_CLOSE_TIMEOUT_S = 2.0


@dataclass(frozen=True, kw_only=True)
class StartedStep:
    """Names a step under way."""

    number: int
    """Of its request."""
    period_s: float
    """Time that it takes."""


class ControlSession(ClosedOnExit):
    """Claims the arm and the gripper until it is closed. Made by `RobotClient.control`; a context manager.

    The stream is the session: however it ends, a daemon that lives notices within two seconds, holds the arm at its
    measured pose and frees the claim. An error inside the stream raises its exception and closes the session; so does
    Ctrl-C during a wait. For one thread at a time; `close` may come from another.

    Args:
        connection: To the daemon.
        client_name: Shown to others while this session holds the arm, at most 128 characters.
        compliance: Compliance to start with; None is the daemon's.
        session_class: Of the session.
        take_over: Whether to take the arm from a session of a lower class.

    Raises:
        ControlHeldError: Another client holds the arm.
        FaultError: The arm is faulted.
        StopLatchedError: `Stop` is latched.
    """

    def __init__(
        self,
        connection: Connection,
        client_name: str,
        compliance: Compliance | None = None,
        *,
        session_class: SessionClass = SessionClass.LEARNER,
        take_over: bool = False,
    ) -> None:
        self._connection = connection
        self.sequence_number = 0
        """Number of the last request."""
        self.is_closed = False
        """Whether the session has ended, as far as this side knows."""
        self._period: tuple[float, Any] = (0.1, encode_duration(0.1))
        self._requests: SimpleQueue[robot_service_pb2.ControlRequest | None] = SimpleQueue()
        stub = robot_service_pb2_grpc.RobotServiceStub(connection.channel)
        self._call: Any = stub.Control(iter(self._requests.get, None))
        self._watch = StreamDeadline(self._call.cancel)
        opening = control_pb2.Open(client_name=client_name, take_over=take_over)
        opening.session_class = session_class  # type: ignore[assignment]
        if compliance is not None:
            opening.compliance.CopyFrom(control.encode_compliance(compliance))
        opened = self._open(opening)
        self.session_number: int = opened.session_number
        self.command_timeout_s = decode_duration(opened.command_timeout)
        self.compliance = control.decode_compliance(opened.compliance)
        self.opening_observation = decode_observation(opened.observation)

    def step(
        self,
        target: Target | PoseIncrement | None = None,
        *,
        period_s: float,
        gripper_width: float | GripperTarget | None = None,
        cameras: Sequence[str] = (),
        encoding: PixelEncoding = PixelEncoding.RGB8,
    ) -> StepResult:
        """Applies a target for one control period and observes its end. Blocks for the period.

        Args:
            target: TCP pose, joint positions, wrench, or an increment that the daemon adds to a pose of its own; None
                holds what was targeted last.
            period_s: From the previous tick to the next, within the cell's limits.
            gripper_width: Opening in m, or a full target; None leaves the gripper as it is.
            cameras: Cameras whose frames to include.
            encoding: Of those frames.

        Raises:
            InvalidTargetError: A NaN, a wrong length, no unit quaternion.
            LimitExceededError: The period is outside its limits.
            ControlTakenError: A client of a higher class took the arm over.
            FaultError: The arm is faulted.
            StopLatchedError: Somebody stopped the arm.
            ConnectionLostError: The daemon went away.
            DeadlineError: No answer came in time.
        """
        started = self.begin_step(
            target, period_s=period_s, gripper_width=gripper_width, cameras=cameras, encoding=encoding
        )
        return self.end_step(started)

    def begin_step(
        self,
        target: Target | PoseIncrement | None = None,
        *,
        period_s: float,
        gripper_width: float | GripperTarget | None = None,
        cameras: Sequence[str] = (),
        encoding: PixelEncoding = PixelEncoding.RGB8,
    ) -> StartedStep:
        """Sends a step as `step` does and returns at once, so that another arm's can begin; `end_step` waits for it."""
        step = control_pb2.Step(period=self._duration(period_s), cameras=cameras)
        if cameras:
            step.encoding = encode_pixel_encoding(encoding)
        control.write_target(step, target)
        if gripper_width is not None:
            step.gripper.CopyFrom(_gripper(gripper_width))
        return StartedStep(number=self._send(step=step), period_s=period_s)

    def end_step(self, started: StartedStep) -> StepResult:
        """Waits for the end of a step that was begun. Raises what `step` does; begun steps end in their order."""
        return control.decode_step(self._receive(started.number, started.period_s + self._connection.timeout_s).stepped)

    def move(
        self,
        goal: Pose | JointTarget,
        speed_ratio: float = 0.2,
        *,
        gripper_width: float | GripperTarget | None = None,
        on_progress: Callable[[MotionProgress], None] | None = None,
    ) -> Observation:
        """Moves to a goal along a smooth path and returns when it is reached.

        Args:
            goal: TCP pose or joint positions.
            speed_ratio: Fraction of the configured top speed, in (0, 1].
            gripper_width: Opening to apply at the start.
            on_progress: Called with each progress. What it raises ends the wait; the next request preempts the motion.

        Raises:
            LimitExceededError: The goal is outside the workspace or the joint limits.
            MotionFailedError: The motion stopped short of the goal; the session stays open.
        """
        move = control_pb2.Move(speed_ratio=speed_ratio)
        control.write_target(move, goal)
        if gripper_width is not None:
            move.gripper.CopyFrom(_gripper(gripper_width))
        number = self._send(move=move)
        while True:
            progress = control.decode_progress(self._receive(number, self._connection.timeout_s).moved)
            if on_progress is not None:
                on_progress(progress)
            if progress.outcome is MotionOutcome.REACHED:
                return progress.observation
            if progress.outcome in (MotionOutcome.FAILED, MotionOutcome.PREEMPTED):
                raise MotionFailedError(
                    progress.text or f"the motion ended as {progress.outcome.name} short of its goal"
                )

    def reset(
        self,
        *,
        seed: int | None = None,
        start: Pose | JointTarget | None = None,
        gripper_width: float | None = None,
        speed_ratio: float = 0.2,
        cameras: Sequence[str] = (),
        encoding: PixelEncoding = PixelEncoding.RGB8,
        joint_reset: bool = False,
        keep_scene: bool = False,
    ) -> Observation:
        """Brings the arm to a start and begins an episode.

        Args:
            seed: Seed of a simulator's scene; None continues the stream of the last one.
            start: TCP pose or joint positions; None is home.
            gripper_width: Opening to start with, m; None is fully open.
            speed_ratio: Fraction of the configured top speed on a real cell, in (0, 1].
            cameras: Cameras whose frames to include.
            encoding: Of those frames.
            joint_reset: Whether to go through home in joint space first, which undoes null-space drift.
            keep_scene: Whether a simulator leaves everything but arm and gripper as it is, and moves the arm there.

        Returns:
            First observation of the episode.

        Raises:
            MotionFailedError: The arm could not be brought there; the session stays open.
        """
        reset = control_pb2.Reset(
            speed_ratio=speed_ratio, cameras=cameras, joint_reset=joint_reset, keep_scene=keep_scene
        )
        if cameras:
            reset.encoding = encode_pixel_encoding(encoding)
        control.write_target(reset, start)
        if seed is not None:
            reset.seed = seed
        if gripper_width is not None:
            reset.gripper_width_m = gripper_width
        number = self._send(reset=reset)
        while True:
            response = self._receive(number, SLOW_TIMEOUT_S)
            if response.HasField("reset_done"):
                return decode_observation(response.reset_done.observation)
            if response.moved.outcome in (MotionOutcome.FAILED, MotionOutcome.PREEMPTED):
                raise MotionFailedError(response.moved.text or "the reset did not reach its start")

    def set_compliance(self, compliance: Compliance) -> Compliance:
        """Changes the Cartesian impedance, None leaving a value as it is; returns all values in force.

        Raises:
            LimitExceededError: A value is out of range; nothing changed.
        """
        request = control_pb2.SetCompliance(compliance=control.encode_compliance(compliance))
        response = self._exchange(self._connection.timeout_s, set_compliance=request)
        self.compliance = control.decode_compliance(response.compliance_set.compliance)
        return self.compliance

    def activate_gripper(self) -> None:
        """Begins the gripper's activation or homing cycle; the fingers move. The gripper's state shows its end.

        Raises:
            NotEquippedError: The cell has no gripper.
        """
        self._exchange(self._connection.timeout_s, activate_gripper=control_pb2.ActivateGripper())

    def set_load(self, mass: float, center_of_mass: Triple, inertia: FloatArray | None = None) -> None:
        """Tells the arm what it carries.

        Args:
            mass: kg, at least 0.
            center_of_mass: In the flange frame, m.
            inertia: About the centre of mass in the flange frame, shape (3, 3), kg m^2; None is a point mass.
        """
        about_center = () if inertia is None else tuple(inertia.ravel().tolist())
        load = Load(mass=mass, center_of_mass=center_of_mass, inertia=about_center)
        self._exchange(self._connection.timeout_s, set_load=control.encode_load(load))

    def close(self) -> None:
        """Ends the session and waits shortly until the daemon has let go of the claim. Safe to repeat."""
        if self.is_closed:
            return
        self._end()
        try:
            with self._watch.limit(_CLOSE_TIMEOUT_S), contextlib.suppress(grpc.RpcError):
                for _ in self._call:
                    pass
        finally:
            self._call.cancel()
            self._watch.close()

    def cancel(self) -> None:
        """Ends the session without waiting; the arm holds. May come while another thread waits for an answer."""
        self._end()
        self._call.cancel()

    def _open(self, opening: control_pb2.Open) -> control_pb2.Opened:
        try:
            return self._exchange(self._connection.timeout_s, open=opening).opened
        except BaseException:  # Ctrl-C included: a claim that nobody can release must not stay.
            self.close()
            raise

    def _duration(self, period_s: float) -> Any:  # noqa: ANN401
        if self._period[0] != period_s:
            self._period = (period_s, encode_duration(period_s))
        return self._period[1]

    def _end(self) -> None:
        self.is_closed = True
        self._requests.put(None)

    def _exchange(self, timeout_s: float, **request: Any) -> robot_service_pb2.ControlResponse:  # noqa: ANN401
        return self._receive(self._send(**request), timeout_s)

    def _send(self, **request: Any) -> int:  # noqa: ANN401
        if self.is_closed:
            raise SessionClosedError("the control session has ended; open another with RobotClient.control")
        self.sequence_number = number = self.sequence_number + 1
        self._requests.put(robot_service_pb2.ControlRequest(sequence_number=number, **request))
        return number

    def _receive(self, number: int, timeout_s: float) -> robot_service_pb2.ControlResponse:
        started = time.monotonic()
        while True:
            try:
                with self._watch.limit(timeout_s):
                    response = next(self._call)
            except StopIteration:
                raise self._failed(
                    SessionClosedError("the daemon ended the control session without a reason")
                ) from None
            except grpc.RpcError as error:
                raise self._failed(self._error(error, time.monotonic() - started)) from error
            except BaseException:  # Ctrl-C: gRPC cannot read on after an interrupted wait, so the stream must end.
                self._abandon()
                raise
            if response.sequence_number == number:
                return response
            # Anything else answers a request whose wait was given up by an exception in `on_progress`.

    def _error(self, error: grpc.RpcError, waited_s: float) -> RobotError:
        if self._watch.has_fired:
            return DeadlineError(
                f"the daemon at {self._connection.address} gave no answer for {waited_s:.1f} s; "
                "the session is closed, and nobody here knows whether the arm holds; look at it before you go on"
            )
        return robot_error(error, self._connection.address)

    def _abandon(self) -> None:
        self._end()
        self._call.cancel()
        self._watch.close()

    def _failed(self, error: RobotError) -> RobotError:
        self._abandon()
        return error


def _gripper(target: float | GripperTarget) -> control_pb2.GripperTarget:
    if isinstance(target, GripperTarget):
        return control.encode_gripper(target)
    return control_pb2.GripperTarget(width_m=target)
