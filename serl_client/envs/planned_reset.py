"""Executes a task's reset plan on an arm that cannot be placed, and says which phase failed where."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

from serl_api.enums import GripperMotion
from serl_api.errors.robot import RobotError
from serl_api.values import GripperState, JointTarget, Observation, Pose
from serl_client.envs.env_link import EnvLink
from serl_client.envs.task import Task
from serl_client.errors import MotionFailedError
from serl_client.session import ControlSession

log = logging.getLogger(__name__)

_FINGER_TIME_S = 3.0
_FINGER_TOLERANCE_M = 0.002
_RETREAT_ADVICE = "free by hand what the tool is caught in, or plan another retreat"
_JOINT_ADVICE = "clear the way from there to the cell's home, or plan a longer retreat"
_START_ADVICE = "clear the way from there to the start, or plan a longer retreat"
_HOOK_ADVICE = "clear the way, and see where the hook wanted to go"


@dataclass(frozen=True, kw_only=True)
class ResetRequest:
    """Asks for one reset."""

    start: Pose | JointTarget | None
    """Where the episode starts; None is home."""
    gripper_width: float | None
    """Opening of the fingers, m; None is fully open."""
    speed_ratio: float
    """Fraction of the configured top speed, in (0, 1]."""
    cameras: tuple[str, ...]
    """Cameras whose frames the first observation includes."""
    seed: int
    """For a scene that a tracker's program rearranges."""
    keep_scene: bool
    """Whether a simulator leaves the scene as it is."""

    def send(self, session: ControlSession) -> Observation:
        """Sends it and returns the first observation of the episode. Raises MotionFailedError."""
        return session.reset(
            seed=self.seed,
            start=self.start,
            gripper_width=self.gripper_width,
            speed_ratio=self.speed_ratio,
            cameras=self.cameras,
            keep_scene=self.keep_scene,
        )


class PlannedReset:
    """Executes the resets of one environment; counts them, for joint resets."""

    def __init__(self, task: Task, link: EnvLink) -> None:
        self._plan = task.reset_plan
        self._link = link
        self._period_s = 1.0 / task.control_rate_hz
        self._count = 0
        self._phase, self._advice = "", ""
        self._is_hook_done = False

    def run(self, session: ControlSession, request: ResetRequest) -> Observation:
        """Executes the plan and begins an episode, with the compliance that was in force before.

        Returns:
            First observation of the episode.

        Raises:
            MotionFailedError: Every attempt stopped short; says in which phase and where, and what a person can do.
        """
        self._count += 1
        self._is_hook_done = False
        with self._compliant(session):
            return self._try_all(session, request)

    def _try_all(self, session: ControlSession, request: ResetRequest) -> Observation:
        attempts = self._plan.attempts
        for attempt in range(attempts - 1):
            try:
                return self._attempt(session, request, attempt)
            except MotionFailedError as error:
                log.warning("attempt %d of %d to reset failed in the %s: %s", attempt + 1, attempts, self._phase, error)
        try:
            return self._attempt(session, request, attempts - 1)
        except MotionFailedError as error:
            raise MotionFailedError(self._sentence(error)) from error

    def _attempt(self, session: ControlSession, request: ResetRequest, attempt: int) -> Observation:
        plan = self._plan
        if plan.gripper_first:
            self._move_fingers(session, request.gripper_width)
        self._retreat(session, attempt)
        if plan.joint_reset_interval and self._count % plan.joint_reset_interval == 0:
            self._enter("joint reset", _JOINT_ADVICE)
            session.move(JointTarget(positions=self._link.client.info.arm.home), request.speed_ratio)
        if plan.hook is not None and not self._is_hook_done:
            self._enter("hook", _HOOK_ADVICE)
            plan.hook(session)
            self._is_hook_done = True
        self._move_fingers(session, request.gripper_width)
        self._enter("way to the start", _START_ADVICE)
        return request.send(session)

    def _retreat(self, session: ControlSession, attempt: int) -> None:
        retreat = self._plan.retreat_of(attempt)
        if retreat is None:
            return
        self._enter(str(retreat), _RETREAT_ADVICE)
        client = self._link.client
        session.move(retreat.goal(client.get_state().tcp_pose, client.info.limits), retreat.speed_ratio)

    def _move_fingers(self, session: ControlSession, width: float | None) -> None:
        """Lets the fingers go to their opening and rest, within bounds, while the arm holds."""
        info = self._link.client.info.gripper
        if info is None:
            return
        goal = info.max_width if width is None else width
        gripper = self._link.client.get_state().gripper
        if gripper is None or _is_at(gripper, goal):
            return
        for _ in range(math.ceil(_FINGER_TIME_S / self._period_s)):
            gripper = session.step(period_s=self._period_s, gripper_width=goal).observation.state.gripper
            if gripper is None or _rests(gripper, goal):
                return

    @contextlib.contextmanager
    def _compliant(self, session: ControlSession) -> Iterator[None]:
        """Puts the plan's compliance in force, and after it what was in force before."""
        if self._plan.compliance is None:
            yield
            return
        before = session.compliance
        # What the last step asked for may be far away; a stiffer spring would pull there.
        session.step(self._link.client.get_state().tcp_pose, period_s=self._period_s)
        session.set_compliance(self._plan.compliance)
        try:
            yield
        except BaseException:
            with contextlib.suppress(RobotError):
                session.set_compliance(before)
            raise
        session.set_compliance(before)

    def _enter(self, phase: str, advice: str) -> None:
        self._phase, self._advice = phase, advice

    def _sentence(self, error: MotionFailedError) -> str:
        x, y, z = self._link.client.get_state().tcp_pose.position.tolist()
        cause, _, _ = str(error).partition(";")
        count = self._plan.attempts
        times = "once" if count == 1 else f"the last of {count} attempts"
        return (
            f"the reset failed in its {self._phase}, {times}: {cause}; "
            f"the arm holds with its TCP at ({x:.3f}, {y:.3f}, {z:.3f}) m: {self._advice}"
        )


def _is_at(gripper: GripperState, width: float) -> bool:
    return abs(gripper.width - width) <= _FINGER_TOLERANCE_M and gripper.motion is not GripperMotion.MOVING


def _rests(gripper: GripperState, width: float) -> bool:
    """Whether the fingers have heard of the opening, and stopped there or at what is between them."""
    return abs(gripper.target_width - width) <= _FINGER_TOLERANCE_M and gripper.motion is not GripperMotion.MOVING
