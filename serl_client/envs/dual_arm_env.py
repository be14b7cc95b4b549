"""Joins two arms, each behind a daemon of its own, in one gymnasium environment with one tick."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from serl_api.enums import Pacing
from serl_api.errors.robot import FaultError, RobotError
from serl_api.values import Observation
from serl_client.envs.arm_clocks import ArmClocks
from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.envs.robot_env import RobotEnv
from serl_client.envs.sides import SIDES, of_arm, require_pair, split_address
from serl_client.envs.task import Task
from serl_client.envs.task_finding import find_task
from serl_client.errors import TaskMismatchError
from serl_client.simulator import OrbitView, SimulatorClient

MAX_SKEW_SHARE = 0.25
"""Share of a control period by which two arms may be observed apart and still count as synchronized."""

_VIEW = OrbitView(target=(0.5, 0.0, 0.25), distance=1.9, azimuth=1.57, elevation=0.4)
_VIEW_WIDTH_PX, _VIEW_HEIGHT_PX = 640, 480
_SCENE_ATTEMPTS = 100

_Start: TypeAlias = tuple[dict[str, NDArray[Any]], dict[str, Any]]
_Step: TypeAlias = tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]
_Result = TypeVar("_Result")


class DualArmEnv(gymnasium.Env[Any, NDArray[np.float32]]):
    """Drives two arms. Made by `gymnasium.make` of a task that has `arms`.

    It is two `RobotEnv`s and what joins them; each daemon is as for one arm, and knows nothing of the other.

    Observation: "left/..." and "right/...", each as of `RobotEnv`, in that arm's own `base` frame.

    Action: the left arm's, then the right one's; 14 components where both turn and grip.

    A step sends both actions before it waits for either arm. The reward is the smaller of the two arms' and the task is
    done where both arms' are; either arm's task can end the episode. What happens to one arm (a fault, a stop, a lost
    daemon) ends both sessions at once, so that both arms hold, and the error says which arm it was.

    `info` has each arm's values under "left/..." and "right/...", and for both: "success"; "gripper_width" (2,), m;
    "skew_ns", by how much later than the right arm the left one was observed, with "skew_uncertainty_ns";
    "synchronized", whether each arm's sensors are and the skew is below a quarter of a period; "stamp_ns",
    "overrun_ns", "missing", "clips" and, where `on_fault` truncates, "fault".

    Args:
        task: The task, or its name as in `serl.tasks`.
        address: Of the left and the right daemon, as "left-pc:50051,right-pc:50051"; None starts a private simulator.
        token: As of `RobotEnv`, like all that follow; each is both daemons'.
        tls_root: PEM file with the certificate that signed the daemons'.
        tls_identity: PEM file with the client's key and certificate.
        rotation: Whether actions turn the TCPs; None leaves it to the arms' tasks.
        control: "tcp" alone: nobody has asked for the joints of two arms yet.
        reward: Name of a reward that both arms' tasks have.
        gripper_action: What a gripper's component means.
        delta_reference: What an action is added to.
        on_fault: "raise", or "truncate" the episode.
        client_name: Shown to others.
        render_mode: "rgb_array" or None.

    Raises:
        ValueError: An option has no such value, or there are not two addresses.
        TaskMismatchError: The daemons are exchanged or do not go together, or lack what the task needs.
        ConnectionLostError: A daemon does not answer; says whose.
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
        control: Literal["tcp", "joint"] = "tcp",
        reward: str = "sparse",
        gripper_action: Literal["absolute", "binary"] = "absolute",
        delta_reference: Literal["measured", "commanded"] = "measured",
        on_fault: Literal["raise", "truncate"] = "raise",
        client_name: str | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.task = find_task(task) if isinstance(task, str) else task
        if not self.task.arms:
            raise TaskMismatchError(f"{self.task.name} is a task of one arm; drive it by RobotEnv")
        if on_fault not in ("raise", "truncate"):
            raise ValueError(f'on_fault is "{on_fault}"; it must be "raise" or "truncate"')
        if control != "tcp":
            raise ValueError(f'control is "{control}"; two arms are driven by "tcp" alone')
        self.render_mode = render_mode
        self._truncates_faults = on_fault == "truncate"
        self._address = address
        self._options: dict[str, Any] = {
            "token": token,
            "tls_root": tls_root,
            "tls_identity": tls_identity,
            "rotation": rotation,
            "reward": reward,
            "gripper_action": gripper_action,
            "delta_reference": delta_reference,
            "client_name": client_name or f"env {self.task.name}",
            "render_mode": render_mode,
        }
        self._closing = contextlib.ExitStack()
        self._private: PrivateSimulator | None = None
        self._is_closed = False
        self._failure_lock = threading.Lock()
        self._corrections_s = (0.0, 0.0)
        self._open()
        sizes = [(arm.action_space.shape or (0,))[0] for arm in self.arms]
        self._split = sizes[0]
        self.action_space = spaces.Box(-1.0, 1.0, (sum(sizes),), np.float32)
        self.observation_space = spaces.Dict(_joined([cast(spaces.Dict, arm.observation_space) for arm in self.arms]))

    @property
    def is_rotating(self) -> bool:
        """Whether actions turn the TCPs."""
        return self.arms[0].is_rotating

    @property
    def action_names(self) -> tuple[str, ...]:
        """Name of each component of an action."""
        return tuple(f"{side}/{name}" for side, arm in zip(SIDES, self.arms, strict=True) for name in arm.action_names)

    @property
    def gripper_action(self) -> Literal["absolute", "binary"]:
        """What the last component of an arm's action means, where it has a gripper."""
        return self.arms[0].gripper_action

    @property
    def max_gripper_width(self) -> float:
        """Widest opening of the grippers, m; 0 without."""
        return max(arm.max_gripper_width for arm in self.arms)

    @property
    def control_rate_hz(self) -> float:
        """Environment steps a second."""
        return self.task.control_rate_hz

    @property
    def draws_scenes(self) -> bool:
        """Whether `reset` can draw a scene, as a simulator can."""
        return self.arms[0].draws_scenes

    @property
    def simulator(self) -> SimulatorClient | None:
        """The simulator that the environment runs in, by the left arm's address; None on real cells."""
        return self.arms[0].simulator

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begins an episode: the left arm goes to its start first, then the right one.

        Args:
            seed: Seeds the stream of scenes.
            options: "scene_seed" and "keep_scene", as of `RobotEnv.reset`.

        Returns:
            Observation and info.

        Raises:
            RobotError: As of `RobotEnv.reset`; says which arm. Both arms hold.
            ClockError: The clock of a daemon has jumped.
        """
        super().reset(seed=seed)
        if self._private is not None and not self._private.is_running and not self._is_closed:
            self._closing.close()
            self._open()
        options = options or {}
        starts = self._keep_scene() if options.get("keep_scene", False) else None
        about = {}
        if starts is None:
            starts = self._draw_scene(options.get("scene_seed"))
            about = {"scene_seed": starts[0][1]["scene_seed"]}
        if not about or not self.draws_scenes:
            starts = self._observe_together()
        self._clocks.begin_episode(self._snapshots())
        self._corrections_s = (0.0, 0.0)
        return _joined([observation for observation, _ in starts]), self._info([info for _, info in starts]) | about

    def step(self, action: NDArray[np.float32]) -> _Step:
        """Takes one control period with both arms.

        Raises:
            ValueError: The action has a wrong shape or a NaN.
            gymnasium.error.ResetNeeded: No episode has begun.
            RobotError: What happened to one arm, and which; both hold.
        """
        halves = self._halves(action)
        with self._holding_both():
            for arm, half, longer_s in zip(self.arms, halves, self._corrections_s, strict=True):
                arm.begin_step(half, longer_s)
        try:
            results = self._wait_for_both(RobotEnv.end_step)
        except FaultError as error:
            if not self._truncates_faults:
                raise
            return self._end_by_fault(error)
        return self._judged(results)

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """An image of the scene, shape (height, width, 3): a free view of a simulator, else the left cell's camera."""
        simulator = self.simulator
        if self.render_mode is None or simulator is None:
            return self.arms[0].render()
        return simulator.render_view(_VIEW, width=_VIEW_WIDTH_PX, height=_VIEW_HEIGHT_PX).rgb.copy()

    def release(self) -> None:
        """Releases both arms, which hold their poses, until the next `reset`."""
        for arm in self.arms:
            arm.release()

    def close(self) -> None:
        """Releases both arms and ends a private simulator. Safe to repeat."""
        self._is_closed = True
        self._closing.close()

    def _open(self) -> None:
        """Connects to both daemons."""
        try:
            address = self._address
            if address is None:
                self._private = self._closing.enter_context(PrivateSimulator(self.task.scene, arms=len(SIDES)))
                address = self._private.address
            self.arms = self._open_arms(split_address(address))
            clients = [arm.client for arm in self.arms]
            require_pair(clients)
            self._clocks = ArmClocks(clients)
            # Waits for the right arm while the calling thread waits for the left one.
            self._second = self._closing.enter_context(ThreadPoolExecutor(1, "right-arm"))
        except BaseException:
            self._closing.close()
            raise

    def _open_arms(self, addresses: Sequence[str]) -> tuple[RobotEnv, ...]:
        arms: list[RobotEnv] = []
        for index, (side, address) in enumerate(zip(SIDES, addresses, strict=True)):
            with _saying(side):
                arm = RobotEnv(self.task.arms[index], address=address, start_stream=1 + 2 * index, **self._options)
            self._closing.callback(arm.close)
            arms.append(arm)
        return tuple(arms)

    def _halves(self, action: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Checks both arms' actions before either moves."""
        array = np.asarray(action)
        if array.shape != self.action_space.shape:
            raise ValueError(f"the action has shape {array.shape}; it must be {self.action_space.shape} in [-1, 1]")
        halves = array[: self._split], array[self._split :]
        for arm, half in zip(self.arms, halves, strict=True):
            arm.checked(half)
        return halves

    def _wait_for_both(self, wait: Callable[[RobotEnv], _Result]) -> list[_Result]:
        """Waits for the answer of each arm; where one fails, lets go of the other at once, whatever that one does.

        Raises:
            RobotError: What happened first, and to which arm.
        """
        failures: list[tuple[int, BaseException]] = []
        later = self._second.submit(self._wait_for, 1, wait, failures)
        results = [self._wait_for(0, wait, failures), later.result()]
        if failures:
            index, error = failures[0]
            self.release()
            if isinstance(error, RobotError):
                raise of_arm(error, SIDES[index]) from error
            raise error
        return [result for result in results if result is not None]

    def _wait_for(
        self, index: int, wait: Callable[[RobotEnv], _Result], failures: list[tuple[int, BaseException]]
    ) -> _Result | None:
        try:
            return wait(self.arms[index])
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread.
            with self._failure_lock:
                failures.append((index, error))
                is_first = len(failures) == 1
            if is_first:
                self.arms[1 - index].interrupt()
            return None

    def _end_by_fault(self, error: FaultError) -> _Step:
        side = error.metadata["side"]
        parts = [
            arm.end_by_fault(error) if name == side else arm.end_with_last()
            for name, arm in zip(SIDES, self.arms, strict=True)
        ]
        info = self._info([part[-1] for part in parts])
        info["fault"] = tuple(f"{side}/{fault}" for fault in error.fault_ids)
        return _joined([part[0] for part in parts]), 0.0, False, True, info

    def _judged(self, results: Sequence[_Step]) -> _Step:
        info = self._info([result[-1] for result in results])
        self._corrections_s = self._clocks.corrections_s(info["skew_ns"], MAX_SKEW_SHARE / self.control_rate_hz)
        terminated = info["success"] or any(result[2] for result in results)
        reward = min(result[1] for result in results)
        return _joined([result[0] for result in results]), reward, terminated, False, info

    def _info(self, infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Joins what the arms say of one instant."""
        skew_ns = self._clocks.skew_ns(self._snapshots())
        is_together = abs(skew_ns) <= MAX_SKEW_SHARE * 1e9 / self.control_rate_hz
        info: dict[str, Any] = _joined(infos)
        info["success"] = all(one["success"] for one in infos)
        info["synchronized"] = is_together and all(one["synchronized"] for one in infos)
        info["stamp_ns"] = infos[0]["stamp_ns"]
        info["skew_ns"] = skew_ns
        info["skew_uncertainty_ns"] = self._clocks.uncertainty_ns
        info["gripper_width"] = np.array([one["gripper_width"] for one in infos])
        info["overrun_ns"] = max(one.get("overrun_ns", 0) for one in infos)
        for key in ("missing", "clips"):
            info[key] = tuple(
                f"{side}/{name}" for side, one in zip(SIDES, infos, strict=True) for name in one.get(key, ())
            )
        return info

    def _snapshots(self) -> list[Observation]:
        found = [arm.snapshot for arm in self.arms]
        return [snapshot for snapshot in found if snapshot is not None]

    def _draw_scene(self, scene_seed: int | None) -> list[_Start]:
        """Begins the episode in a drawn scene; one that is done already is drawn again, unless its seed was asked."""
        starts = self._draw_once(scene_seed)
        if scene_seed is None and self.draws_scenes:
            for _ in range(_SCENE_ATTEMPTS):
                if not all(info["success"] for _, info in starts):
                    break
                starts = self._draw_once(None)
        return starts

    def _draw_once(self, scene_seed: int | None) -> list[_Start]:
        seed = int(self.np_random.integers(2**31 - 1)) if scene_seed is None else int(scene_seed)
        starts = [self._reset_arm(index, {"scene_seed": seed}) for index in range(len(SIDES))]
        if self.draws_scenes and self.task.arms[0].cameras:
            starts[0] = self._reset_arm(0, {"scene_seed": seed})  # Its cameras saw the right arm where that was before.
        return starts

    def _keep_scene(self) -> list[_Start] | None:
        """Moves the arms alone; None where a simulator must draw another scene."""
        starts = []
        for index in range(len(SIDES)):
            if self.arms[0].client.info.pacing is Pacing.LOCKSTEP:
                self.arms[1 - index].release()  # Else no time passes for this arm while the other does nothing.
            starts.append(self._reset_arm(index, {"keep_scene": True}))
            if "scene_seed" in starts[-1][1]:
                return None
        return starts

    def _observe_together(self) -> list[_Start]:
        """Begins the episode of both arms at one tick, after they came to their starts one after the other."""
        with self._holding_both():
            for arm in self.arms:
                arm.begin_observing()
        return self._wait_for_both(RobotEnv.end_observing)

    def _reset_arm(self, index: int, options: dict[str, Any]) -> _Start:
        with self._holding_both(), _saying(SIDES[index]):
            return self.arms[index].reset(options=options)

    @contextlib.contextmanager
    def _holding_both(self) -> Iterator[None]:
        """Lets go of both arms, which hold, where something happens to one."""
        try:
            yield
        except BaseException:
            self.release()
            raise


@contextlib.contextmanager
def _saying(side: str) -> Iterator[None]:
    try:
        yield
    except RobotError as error:
        raise of_arm(error, side) from error


def _joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Puts the left arm's and the right arm's values under their names."""
    return {f"{side}/{key}": value for side, part in zip(SIDES, parts, strict=True) for key, value in part.items()}
