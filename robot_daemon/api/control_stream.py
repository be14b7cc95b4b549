"""Answers the requests of one control stream in order, in the thread that reads them."""

from collections.abc import Callable, Iterator

from serl.robot.v1 import control_pb2, observation_pb2, robot_service_pb2

from robot_daemon.api.request_prefetcher import RequestPrefetcher
from robot_daemon.api.response_builder import ResponseBuilder
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.motion_executor import Motion
from robot_daemon.control.session import ControlSession
from serl_api.codec import control, requests
from serl_api.enums import ControlMode, IncrementBase, MotionOutcome, SessionClass
from serl_api.errors.robot import InvalidRequestError, InvalidTargetError, ModeError, NotEquippedError
from serl_api.pose_increment import PoseIncrement
from serl_api.values import Clip, GripperTarget, JointTarget, Pose, Target, WrenchTarget

Request = robot_service_pb2.ControlRequest
Response = robot_service_pb2.ControlResponse

_MODE_OF = {
    Pose: ControlMode.CARTESIAN_IMPEDANCE,
    JointTarget: ControlMode.JOINT_IMPEDANCE,
    WrenchTarget: ControlMode.WRENCH,
}


class ControlStream:
    """Serves one call of `RobotService.Control`; `on_claim` gets the session, to tie its end to the call's."""

    def __init__(
        self,
        core: DaemonCore,
        response_builder: ResponseBuilder,
        incoming: Iterator[Request],
        peer: str,
        on_claim: Callable[[ControlSession], None],
    ) -> None:
        self._core = core
        self._response_builder = response_builder
        self._prefetcher = RequestPrefetcher(incoming)
        self._peer = peer
        self._on_claim = on_claim
        self._number = 0
        self._answer: dict[str, Callable[[Request], Iterator[Response]]] = {
            "move": self._move,
            "reset": self._reset,
            "set_compliance": self._set_compliance,
            "activate_gripper": self._activate_gripper,
            "set_load": self._set_load,
        }

    def serve(self) -> Iterator[Response]:
        """Answers until the client ends the stream, or a refusal does."""
        first = self._prefetcher.read()
        if first is None:
            return
        self._take_number(first)
        self._session = session = self._claim(first)
        try:
            self._active_cell = self._core.active_cell
            self._arm = self._active_cell.cell.arm.info
            yield self._opened()
            while (request := self._prefetcher.read()) is not None:
                session.require_open()
                self._take_number(request)
                kind = request.WhichOneof("request")
                if kind == "step":
                    yield self._step(request.step)
                else:
                    session.leave_grid()
                    yield from self._answer_of(kind)(request)
        finally:
            self._core.release(session)

    def _answer_of(self, kind: str | None) -> Callable[[Request], Iterator[Response]]:
        if kind is None:
            raise InvalidRequestError("the control request holds nothing; set one of its kinds", field="request")
        if kind == "open":
            raise ModeError("the session is open already; open comes first, once", mode=self._core.mode.name)
        return self._answer[kind]

    def _take_number(self, request: Request) -> None:
        if request.sequence_number <= self._number:
            raise InvalidRequestError(
                f"sequence_number is {request.sequence_number} after {self._number}; it must rise, from 1",
                field="sequence_number",
            )
        self._number = request.sequence_number

    def _claim(self, first: Request) -> ControlSession:
        if first.WhichOneof("request") != "open":
            kind = first.WhichOneof("request") or "empty"
            text = f"the first control request is {kind}; it must be open, which claims the arm"
            raise ModeError(text, mode=self._core.mode.name)
        name = requests.decode_client_name(first.open.client_name, "open.client_name")
        compliance = requests.decode_compliance(first.open.compliance, self._core.default_compliance)
        session = self._core.claim(
            name,
            self._peer,
            compliance,
            session_class=SessionClass(first.open.session_class) or SessionClass.LEARNER,
            take_over=first.open.take_over,
        )
        self._on_claim(session)
        return session

    def _opened(self) -> Response:
        session = self._session
        session.note_applied(self._number)
        response = Response(sequence_number=self._number)
        opened = response.opened
        opened.session_number = session.number
        opened.command_timeout.FromNanoseconds(self._active_cell.command_timeout_ns)
        opened.compliance.CopyFrom(control.encode_compliance(session.compliance))
        self._observe(opened.observation)
        return response

    def _observe(self, message: observation_pb2.Observation) -> None:
        self._response_builder.write_observation(message, self._active_cell.sensors.snapshot(()))

    def _step(self, step: control_pb2.Step) -> Response:
        core, session, active_cell = self._core, self._session, self._active_cell
        period_ns = requests.decode_period_ns(step.period)
        active_cell.limits.require_period(period_ns * 1e-9)
        cameras = core.require_cameras(step.cameras)
        target, gripper, clips = self._clip(step, period_ns)
        applied_ns = session.apply(self._number, target, gripper, period_ns)
        tick_ns, due_ns = session.schedule_tick(applied_ns, period_ns)
        active_cell.cell.timebase.wait_until(tick_ns)
        snapshot = active_cell.sensors.snapshot(cameras)
        core.watch(snapshot.arm)
        session.require_open()
        core.step_index += 1
        session.count_step(clips)
        response = Response(sequence_number=self._number)
        stepped = response.stepped
        control.write_applied(stepped.applied_target, target, gripper)
        if clips:
            stepped.clips.extend(map(control.encode_clip, clips))
        self._response_builder.write_observation(stepped.observation, snapshot, step.encoding)
        stepped.applied_time_ns = applied_ns
        stepped.overrun_ns = session.overrun_ns(due_ns)
        return response

    def _clip(self, step: control_pb2.Step, period_ns: int) -> tuple[Target | None, GripperTarget | None, list[Clip]]:
        """Checks and clips the targets of a step."""
        limits = self._active_cell.limits
        asked = requests.decode_step_target(step, self._arm.joint_count)
        target = self._resolved(asked) if isinstance(asked, PoseIncrement) else asked
        clips: list[Clip] = []
        if target is not None:
            self._require_mode(target)
            if isinstance(target, WrenchTarget):
                limits.require_wrench_period(period_ns * 1e-9)
                target, clips = limits.clip_wrench(target)
            elif isinstance(target, JointTarget):
                target, clips = limits.clip_joints(target, self._active_cell.sensors.arm_state(), period_ns * 1e-9)
            else:
                target, clips = limits.clip_tcp(target, self._active_cell.sensors.arm_state())
        if not step.HasField("gripper"):
            return target, None, clips
        gripper, narrowed = self._clip_gripper(step.gripper, "step.gripper")
        return target, gripper, clips + narrowed

    def _resolved(self, increment: PoseIncrement) -> Pose:
        """Adds an increment to its base pose, as that is now."""
        commanded = self._session.commanded if increment.added_to is IncrementBase.COMMANDED else None
        return increment.on(commanded or self._active_cell.sensors.arm_state().tcp_pose)

    def _require_mode(self, target: Target) -> None:
        self._active_cell.limits.require_mode(_MODE_OF[type(target)])

    def _clip_gripper(self, message: control_pb2.GripperTarget, field: str) -> tuple[GripperTarget, list[Clip]]:
        if self._active_cell.cell.gripper is None:
            raise NotEquippedError("this cell has no gripper; leave the gripper target out", capability="gripper")
        return self._active_cell.limits.clip_gripper(requests.decode_gripper(message, field))

    def _move(self, request: Request) -> Iterator[Response]:
        move = request.move
        goal = requests.decode_goal(move, self._arm.joint_count, "move")
        if goal is None:
            raise InvalidTargetError("move has no goal; give a TCP pose or joint positions", field="move")
        self._require_goal(goal, "move")
        self._require_way(goal, "move.joint_positions")
        ratio = requests.decode_speed_ratio(move.speed_ratio, "move.speed_ratio")
        gripper = self._clip_gripper(move.gripper, "move.gripper")[0] if move.HasField("gripper") else None
        self._session.apply(self._number, None, gripper, 0)
        motion = self._motion()
        for outcome, progress, text in motion.go_to(goal, ratio):
            yield self._moved(outcome, progress, text)

    def _require_goal(self, goal: Pose | JointTarget, field: str) -> None:
        self._require_mode(goal)
        if isinstance(goal, Pose):
            self._active_cell.limits.require_tcp_goal(goal, f"{field}.tcp_pose")
        else:
            self._active_cell.limits.require_joint_goal(goal, f"{field}.joint_positions")

    def _require_way(self, goal: Pose | JointTarget, field: str) -> None:
        if isinstance(goal, JointTarget):
            self._active_cell.limits.require_free_way(goal, self._active_cell.sensors.arm_state(), field)

    def _motion(self) -> Motion:
        self._prefetcher.prefetch()
        return Motion(self._core, self._session, lambda: self._prefetcher.is_pending, self._number)

    def _moved(self, outcome: MotionOutcome, progress: float, text: str) -> Response:
        response = Response(sequence_number=self._number)
        moved = response.moved
        moved.outcome = outcome  # type: ignore[assignment]
        moved.progress_ratio = progress
        moved.text = text
        self._observe(moved.observation)
        return response

    def _reset(self, request: Request) -> Iterator[Response]:
        core, reset = self._core, request.reset
        scene = None if reset.keep_scene else self._active_cell.cell.scene
        cameras = core.require_cameras(reset.cameras)
        start = requests.decode_goal(reset, self._arm.joint_count, "reset")
        if start is not None:
            self._require_goal(start, "reset")
        width = self._start_width(reset)
        ratio = requests.decode_speed_ratio(reset.speed_ratio, "reset.speed_ratio")
        seed = reset.seed if reset.HasField("seed") else None
        with core.lock:
            self._session.require_open()
            core.begin_episode()
            placed = scene is not None and scene.reset(seed=seed, start=start, gripper_width=width)
            self._session.note_applied(self._number)
            if placed:
                self._session.hold()
        if placed:
            self._active_cell.sensors.forget(cameras)
        else:
            reached = yield from self._go_to_start(start, width, ratio, joint_reset=reset.joint_reset)
            if not reached:
                return
        snapshot = self._active_cell.sensors.snapshot(cameras)
        self._active_cell.faults.refresh()
        self._session.require_open()
        response = Response(sequence_number=self._number)
        self._response_builder.write_observation(response.reset_done.observation, snapshot, reset.encoding)
        yield response

    def _start_width(self, reset: control_pb2.Reset) -> float | None:
        if not reset.HasField("gripper_width_m"):
            return None
        if self._active_cell.cell.gripper is None:
            raise NotEquippedError("this cell has no gripper; leave gripper_width_m out", capability="gripper")
        self._active_cell.limits.require_gripper_width(reset.gripper_width_m, "reset.gripper_width_m")
        return reset.gripper_width_m

    def _go_to_start(
        self, start: Pose | JointTarget | None, width: float | None, ratio: float, *, joint_reset: bool
    ) -> Iterator[Response]:
        """Moves a cell that could not be placed; returns whether the start was reached."""
        home = JointTarget(positions=self._arm.home)
        goals = [home, start] if joint_reset and start is not None else [start or home]
        self._require_way(goals[0], "reset.joint_positions")  # Before the fingers open.
        gripper = self._active_cell.cell.gripper
        if gripper is not None:
            target = GripperTarget(width=gripper.info.max_width if width is None else width)
            self._session.apply(self._number, None, target, 0)
        for goal in goals:
            self._require_way(goal, "reset.joint_positions")
            for outcome, progress, text in self._motion().go_to(goal, ratio):
                if outcome is not MotionOutcome.REACHED or goal is not goals[-1]:
                    yield self._moved(
                        MotionOutcome.RUNNING if outcome is MotionOutcome.REACHED else outcome, progress, text
                    )
                if outcome in (MotionOutcome.PREEMPTED, MotionOutcome.FAILED):
                    return False
        self._motion().await_gripper()
        return True

    def _set_compliance(self, request: Request) -> Iterator[Response]:
        asked = request.set_compliance.compliance
        compliance = requests.decode_compliance(asked, self._session.compliance)
        self._session.set_compliance(compliance)
        self._session.note_applied(self._number)
        answer = control_pb2.ComplianceSet(compliance=control.encode_compliance(compliance))
        yield Response(sequence_number=self._number, compliance_set=answer)

    def _activate_gripper(self, _request: Request) -> Iterator[Response]:
        gripper = self._active_cell.cell.gripper
        if gripper is None:
            raise NotEquippedError("this cell has no gripper to activate", capability="gripper")
        with self._core.lock:
            self._session.require_open()
            gripper.activate()
        self._session.note_applied(self._number)
        yield Response(sequence_number=self._number, gripper_activating=control_pb2.GripperActivating())

    def _set_load(self, request: Request) -> Iterator[Response]:
        load = requests.decode_load(request.set_load)
        self._active_cell.limits.require_load(load)
        self._session.set_load(load)
        self._session.note_applied(self._number)
        yield Response(sequence_number=self._number, load_set=control_pb2.LoadSet())
