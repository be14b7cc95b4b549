"""Implements a gymnasium environment over any daemon: one `Step` exchange is one step, and nothing here sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from numpy.typing import NDArray

from serl_api.cell import ArmInfo
from serl_api.enums import Backend, IncrementBase
from serl_api.errors.robot import DeviceUnavailableError, FaultError
from serl_api.values import FloatArray, Observation, StepResult
from serl_client.envs.action_map import ActionMap
from serl_client.envs.cell_check import check_cell, check_wrenches, wrench_actions
from serl_client.envs.env_link import EnvLink
from serl_client.envs.episode_start import EpisodeStart
from serl_client.envs.joint_actions import JointActions
from serl_client.envs.observation_map import ObservationMap, raw_info
from serl_client.envs.task import Outcome, Task
from serl_client.envs.task_finding import find_task
from serl_client.envs.tcp_actions import TcpActions
from serl_client.errors import TaskMismatchError
from serl_client.robot import RobotClient
from serl_client.session import ControlSession, StartedStep
from serl_client.simulator import OrbitView, SimulatorClient

_VIEW = OrbitView(target=(0.3, 0.0, 0.28), distance=1.5, azimuth=2.4, elevation=0.45)
_BASES = {"measured": IncrementBase.MEASURED, "commanded": IncrementBase.COMMANDED}
_VIEW_WIDTH_PX, _VIEW_HEIGHT_PX = 640, 480


class RobotEnv(gymnasium.Env[Any, NDArray[np.float32]]):
    """Drives one arm. Made by `gymnasium.make("serl/PickCube-v0", ...)`.

    Observation: a Dict of float64 arrays in SI, `base` frame: "tcp_pose" (7: m, xyzw), "tcp_twist" (6),
    "tcp_wrench" (6), "gripper_width" (1, m), "joint_positions" (n), "joint_velocities" (n), "<object>_position" (3) for
    each tracked object of the task, and for each camera of the task a uint8 image (height, width, 3), RGB.

    Action: float32 in [-1, 1]; outside it is clipped. `[dx, dy, dz, gripper]`, with `rotation` `[dx, dy, dz, rx, ry,
    rz, gripper]`: translation times the task's scale and a rotation vector times its scale, in base axes, on top of a
    pose that the daemon knows (`delta_reference`). Without rotation the orientation after reset is kept. With `control`
    "joint" `[joint_1, ..., joint_n, gripper]`: joint positions, where -1 and 1 are each joint's limits. With `control`
    "wrench" `[force_x, ..., torque_z, gripper]`, of which the task names the axes: a push in base axes, where 1 is the
    task's `wrench_scale`, for one period. The daemon ends a push that is not renewed within 50 ms after its period, and
    nothing here renews it but the next step; `info["overrun_ns"]` says how late that came.

    `terminated` is the task's word, `truncated` the clock's (gymnasium's TimeLimit). `info` has the raw values
    "tcp_pose" and "gripper_width" of the observation's instant, "newest_tcp_pose" (younger where there are cameras),
    "<object>_position" of all objects that the cell tracks, "success", "synchronized", "missing" (sensors whose last
    value stands in for one that did not come), "clips", "overrun_ns", the facts of the reward, such as "lift", and
    "stamp_ns": the reference time since the episode's first observation, so that equal episodes have equal infos.

    Args:
        task: The task, or its name as in `serl.tasks`.
        address: Of the daemon; None starts a private simulator.
        token: Bearer token, where the daemon wants one.
        tls_root: PEM file with the certificate that signed the daemon's.
        tls_identity: PEM file with the client's key and certificate, where the daemon asks for one.
        rotation: Whether actions turn the TCP; None leaves it to the task.
        control: What actions give: increments of the "tcp", a position of each "joint", or a "wrench" that it pushes
            with; None leaves it to the task.
        reward: Name of one of the task's rewards.
        gripper_action: "absolute": -1 closed to +1 open. "binary": below -0.5 closes, above 0.5 opens, else keeps.
        delta_reference: What an action is added to when it takes effect: the pose "measured" then, as on SERL's arms,
            or the one last "commanded", as in SERL's simulator. How old the observation is makes no difference.
        on_fault: "raise" lets `step` raise FaultError. "truncate" ends the episode instead, with the identifiers in
            `info["fault"]`, and recovers a simulated arm. A real one waits for a person: `reset` raises until
            `RobotClient.recover` was called.
        client_name: Shown to others while this environment holds the arm.
        render_mode: "rgb_array" or None.
        start_stream: Which stream of a scene's seed the start is drawn from; arms of one scene take different ones.

    Raises:
        ValueError: An option has no such value.
        TaskMismatchError: The cell lacks what the task needs.
        ConnectionLostError: No daemon answers.
        PrivateSimulatorError: The private simulator did not start.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - gymnasium's name.

    def __init__(
        self,
        task: Task | str,
        *,
        address: str | None = None,
        token: str | None = None,
        tls_root: Path | str | None = None,
        tls_identity: Path | str | None = None,
        rotation: bool | None = None,
        control: Literal["tcp", "joint", "wrench"] | None = None,
        reward: str = "sparse",
        gripper_action: Literal["absolute", "binary"] = "absolute",
        delta_reference: Literal["measured", "commanded"] = "measured",
        on_fault: Literal["raise", "truncate"] = "raise",
        client_name: str | None = None,
        render_mode: str | None = None,
        start_stream: int = 1,
    ) -> None:
        self.task = find_task(task) if isinstance(task, str) else task
        _check_option("reward", reward, tuple(self.task.rewards))
        _check_option("control", control, (None, "tcp", "joint", "wrench"))
        _check_option("gripper_action", gripper_action, ("absolute", "binary"))
        _check_option("delta_reference", delta_reference, tuple(_BASES))
        _check_option("on_fault", on_fault, ("raise", "truncate"))
        _check_option("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        self.render_mode = render_mode
        self._reward = self.task.rewards[reward]
        self._truncates_faults = on_fault == "truncate"
        self.control: Literal["tcp", "joint", "wrench"] = control or self.task.control
        """What actions give."""
        pushing = wrench_actions(self.task) if self.control == "wrench" else None
        self._link = EnvLink(
            self.task,
            wrench_control=pushing is not None,
            address=address,
            token=token,
            tls_root=tls_root,
            tls_identity=tls_identity,
            client_name=client_name or f"env {self.task.name}",
        )
        try:
            info = self._link.client.info
            check_cell(self.task, info, self._link.client.address)
            if pushing is not None:
                check_wrenches(pushing, info)
            turns = self.task.rotation if rotation is None else rotation
            self.joint_actions = JointActions(arm=info.arm) if self.control == "joint" else None
            """Maps joint positions to actions; None where actions move the TCP."""
            moved_tcp = TcpActions(task=self.task, rotation=turns, added_to=_BASES[delta_reference])
            self._actions = ActionMap(
                arm=self.joint_actions or pushing or moved_tcp,
                has_gripper=self.task.has_gripper,
                binary_gripper=gripper_action == "binary",
                max_width=info.gripper.max_width if info.gripper is not None else 0.0,
            )
            has_gripper = info.gripper is not None
            self._observations = ObservationMap(self.task, info.arm.joint_count, has_gripper=has_gripper)
        except BaseException:
            self._link.close()
            raise
        self.action_space = self._actions.space
        self.observation_space = self._observations.space
        self.action_axes = pushing.axes if pushing is not None else None
        """Components of a wrench, 0 to 5, that actions set; None where they do not push."""
        self._is_rotating = max(self.action_axes) > 2 if self.action_axes else turns or self.control == "joint"
        self._episodes = EpisodeStart(self.task, self._link, self._is_done, start_stream)
        self._start: Observation | None = None
        self._now: Observation | None = None
        self._started: StartedStep | None = None

    @property
    def is_rotating(self) -> bool:
        """Whether actions turn the TCP, as those of joints do too."""
        return self._is_rotating

    @property
    def turning_obstacle(self) -> str:
        """Why actions cannot be given in axes other than the base's; empty where they can."""
        return self._actions.arm.turning_obstacle

    @property
    def arm(self) -> ArmInfo:
        """Facts of the arm."""
        return self._link.client.info.arm

    @property
    def arm_name(self) -> str:
        """Model of the arm and number of its joints, which joint positions are of."""
        return f"{self.arm.model} with {self.arm.joint_count} joints"

    @property
    def action_names(self) -> tuple[str, ...]:
        """Name of each component of an action."""
        return self._actions.names

    @property
    def action_bounds(self) -> tuple[FloatArray, FloatArray] | None:
        """What -1 and 1 of each component of an action mean, in SI units; None where actions are increments."""
        return self._actions.bounds

    @property
    def gripper_action(self) -> Literal["absolute", "binary"]:
        """What the last component of an action means, where the task has a gripper."""
        return "binary" if self._actions.binary_gripper else "absolute"

    @property
    def max_gripper_width(self) -> float:
        """Widest opening of the gripper, m; 0 without one."""
        return self._actions.max_width

    @property
    def control_rate_hz(self) -> float:
        """Environment steps a second."""
        return self.task.control_rate_hz

    @property
    def draws_scenes(self) -> bool:
        """Whether `reset` can draw a scene, as a simulator can; elsewhere it brings the arm alone to its start."""
        return self._link.client.info.backend is Backend.SIMULATED

    @property
    def boot_id(self) -> str:
        """What the daemon drew when it started, which no other has."""
        return self._link.client.info.boot_id

    @property
    def client(self) -> RobotClient:
        """The client of the daemon. Raises ConnectionLostError where the environment is closed."""
        return self._link.client

    @property
    def snapshot(self) -> Observation | None:
        """All that was measured for the last observation, with the offsets of the sensors; None before `reset`."""
        return self._now

    @property
    def simulator(self) -> SimulatorClient | None:
        """The simulator that the environment runs in; None on a real cell."""
        return self._link.simulator if self.draws_scenes else None

    @property
    def episode_start_time_ns(self) -> int:
        """Reference time of the episode's first observation on the daemon's clock; 0 before the first reset."""
        return self._start.reference_time_ns if self._start is not None else 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begins an episode; reconnects first when the daemon or the session has gone away.

        Args:
            seed: Seeds the stream of scenes; the same seed gives the same scenes on any simulator.
            options: "scene_seed" sets the seed of this one scene. "keep_scene" leaves everything but the arm as the
                last episode left it, which is all that a real cell can do; a simulator draws a new scene all the same
                when an object is out of the task's reach. "approach" is asked where to go from the start, such as to a
                leader arm: a function of the measured joint positions, (n,), rad, that returns others and a share of
                the top speed in (0, 1], again and again, until it returns None, where the episode begins.

        Returns:
            Observation and info. "success" says whether the task is done already, as it can be in a kept scene: a
            simulator draws scenes until it is not. "scene_seed" is missing where the scene was kept.

        Raises:
            FaultError: The arm is faulted; recovery is a decision of the caller.
            StopLatchedError: `Stop` is latched.
            ControlHeldError: Another client holds the arm.
        """
        super().reset(seed=seed)
        observation, about = self._episodes.begin(options or {}, lambda: int(self.np_random.integers(2**31 - 1)))
        encoded, info = self._begun_with(observation)
        return encoded, info | about

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """Takes one control period.

        Raises:
            ValueError: The action has a wrong shape or a NaN.
            gymnasium.error.ResetNeeded: No episode has begun.
            FaultError: The arm is faulted.
            DeviceUnavailableError: A camera or the gripper stays silent, or an object is lost; the episode is over.
            ConnectionLostError: The daemon went away; `reset` reconnects.
        """
        self.begin_step(action)
        try:
            return self.end_step()
        except FaultError as error:
            if not self._truncates_faults:
                raise
            return self.end_by_fault(error)

    def begin_step(self, action: NDArray[np.float32], longer_s: float = 0.0) -> None:
        """Sends an action without waiting; `end_step` waits.

        Args:
            action: As of `step`.
            longer_s: How much longer than a control period the step lasts, s.

        Raises:
            ValueError: The action has a wrong shape or a NaN.
            gymnasium.error.ResetNeeded: No episode has begun.
            SessionClosedError: The session has ended.
        """
        checked = self.checked(action)
        session, start = self._episode()
        self._started = session.begin_step(
            self._actions.target(checked, start),
            period_s=1.0 / self.task.control_rate_hz + longer_s,
            gripper_width=self._actions.gripper_width(checked),
            cameras=self.task.cameras,
        )

    def end_step(self) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """Waits for the end of the step that was begun. Raises what `step` does, and every FaultError."""
        result = self._end_exchange()
        observation, start = result.observation, self._episode()[1]
        self._check_tracked(observation)
        self._now = observation
        outcome = self._reward(start, observation)
        info = raw_info(observation, outcome, start)
        info["overrun_ns"] = result.overrun_ns
        info["clips"] = tuple(clip.kind.name for clip in result.clips)
        encoded = self._observations.encode(observation)
        info["missing"] = self._observations.missing
        return encoded, outcome.reward, outcome.terminated, False, info

    def begin_observing(self) -> None:
        """Holds the arm for a period, in a session that is opened if need be; `end_observing` waits for its end."""
        self._started = self._link.open_session().begin_step(
            period_s=1.0 / self.task.control_rate_hz, cameras=self.task.cameras
        )

    def end_observing(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Waits for the end of the period, and begins the episode with what is observed then, as `reset` does."""
        return self._begun_with(self._end_exchange().observation)

    def end_by_fault(self, error: FaultError) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """Ends the episode, truncated, with what was observed last, and recovers a simulated arm."""
        result = self.end_with_last()
        if self._link.client.info.backend is not Backend.REAL:
            self._link.recover_simulation()
        result[-1]["fault"] = error.fault_ids
        return result

    def end_with_last(self) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """Ends the episode, truncated, with what was observed last."""
        assert self._now is not None
        assert self._start is not None
        outcome = self._reward(self._start, self._now)
        # Copies: nothing new was observed, and no two steps may share an array.
        info = _copied(raw_info(self._now, outcome, self._start))
        return _copied(self._observations.encode(self._now)), 0.0, False, True, info

    def checked(self, action: NDArray[np.float32]) -> FloatArray:
        """Returns an action as float64, clipped to [-1, 1]. Raises ValueError: a wrong shape or a NaN."""
        return self._actions.checked(action)

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """An image of the scene, shape (height, width, 3): a free view of a simulator, else the first camera.

        Raises:
            NotEquippedError: The cell has neither.
        """
        if self.render_mode is None:
            return None
        if self._link.client.info.backend is Backend.SIMULATED:
            frame = self._link.simulator.render_view(_VIEW, width=_VIEW_WIDTH_PX, height=_VIEW_HEIGHT_PX)
            return frame.rgb.copy()
        return self._link.get_frame().rgb.copy()

    def release(self) -> None:
        """Releases the arm, which holds its pose, until the next `reset`; others may drive it meanwhile."""
        self._link.drop_session()

    def interrupt(self) -> None:
        """Releases the arm without waiting, also while another thread waits for the end of a step."""
        session = self._link.session
        if session is not None:
            session.cancel()

    def close(self) -> None:
        """Releases the arm and ends a private simulator. Safe to repeat."""
        self._link.close()

    def _is_done(self, observation: Observation) -> bool:
        self._check_tracked(observation)
        return self._reward(observation, observation).success

    def _begun_with(self, observation: Observation) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begins an episode with its first observation."""
        outcome = Outcome(reward=0.0, terminated=False, success=self._is_done(observation))
        self._start = self._now = observation
        self._observations.begin_episode()
        return self._observations.encode(observation), raw_info(observation, outcome, observation)

    def _end_exchange(self) -> StepResult:
        session, started = self._link.session, self._started
        if session is None or started is None:
            raise gymnasium.error.ResetNeeded("no step is under way; call begin_step() first")
        self._started = None
        return session.end_step(started)

    def _episode(self) -> tuple[ControlSession, Observation]:
        """Returns the open session and the first observation. Raises gymnasium.error.ResetNeeded where none began."""
        session, start = self._link.session, self._start
        if session is None or session.is_closed or start is None:
            raise gymnasium.error.ResetNeeded("no control session is open; call reset() first")
        return session, start

    def _check_tracked(self, observation: Observation) -> None:
        needed = {*self.task.tracked_objects, *self._reward.tracked_objects}
        missing = sorted(needed - set(observation.tracked_objects))
        if missing and self._start is not None:
            text = f"{', '.join(missing)} is not tracked at present; is something in the tracker's way?"
            raise DeviceUnavailableError(text, device="tracker")
        if missing:
            raise TaskMismatchError(
                f"{self.task.name} needs the position of {', '.join(missing)}; cell {self._link.client.info.cell_name} "
                f"tracks: {', '.join(observation.tracked_objects) or 'nothing'}. On a real cell use reward='none'"
            )


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in values.items()}


def _check_option(name: str, value: object, allowed: tuple[object, ...] | Mapping[str, object]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of: {', '.join(map(repr, allowed))}")
