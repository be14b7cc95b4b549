"""Supervises the processes of a task pair (simulator, two learners, actor); restarts those that were killed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from serl_api.lifetime.child_process import ChildProcess, ProcessError, python_command
from serl_api.lifetime.stop_signal import StopSignal
from serl_client.envs.private_simulator import simulator_command
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.envs.factory import simulator_scene
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction, TaskPair

_LEAVE_S = 30.0
_MOST_RETURNS = 10
_ACTOR_ID = "pair"


class Supervisor:
    """Starts the processes, restarts those that were killed, and drains them in order."""

    def __init__(self, task_pair: TaskPair, directory: RunDirectory, stop: StopSignal) -> None:
        self._task_pair = task_pair
        self._directory = directory
        self._stop = stop
        self._simulator: ChildProcess | None = None
        self._actor: ChildProcess | None = None
        self._learners: dict[Direction, ChildProcess] = {}
        self._addresses: dict[Direction, str] = {}
        self._returns = 0
        self.robot: str | None = None
        """Address of the simulator; None where none is needed."""

    def directory_of(self, direction: Direction) -> RunDirectory:
        """Returns the folder of one direction's run."""
        return RunDirectory(self._directory.path / direction)

    def spec_path(self, direction: Direction) -> Path:
        """Returns the file in which a learner waits for its environment's spec."""
        return self.directory_of(direction).logs / "spec.json"

    def start_simulator(self) -> None:
        """Starts the simulator, if the tasks need one, and waits for it."""
        scene = simulator_scene(self._task_pair.forward.environment)
        if scene is None or self._stop.is_set():
            return
        ready = self._ready("simulator")
        ready.unlink(missing_ok=True)
        command = simulator_command(scene, self.robot or "127.0.0.1:0", ready, seed=self._task_pair.forward.seed)
        self._simulator = self._spawn("simulator", command, "simulator")
        self.robot = self._simulator.wait_for_file(ready, self._stop).strip() or None

    def start_learner(self, direction: Direction) -> None:
        """Starts a learner; one that worked here before goes on where it was."""
        directory = self.directory_of(direction)
        self._ready(direction).unlink(missing_ok=True)
        command = python_command(
            "serl_rl",
            "learner",
            config_file=directory.config,
            run_directory=directory.path,
            address=self._addresses.get(direction, "127.0.0.1:0"),
            spec_file=self.spec_path(direction),
            ready_file=self._ready(direction),
            demonstrations=directory.demonstrations if self._task_pair.of(direction).demonstration_count else None,
            resume=directory.has_run(),
        )
        self._learners[direction] = self._spawn(f"{direction} learner", command, f"learner-{direction}", threads=None)

    def start_actor(self) -> None:
        """Starts the actor once both learners serve."""
        for direction in DIRECTIONS:
            if direction not in self._addresses:
                address = self._learners[direction].wait_for_file(self._ready(direction), self._stop)
                if not address:
                    return
                self._addresses[direction] = address.strip()
        forward, backward = (self.directory_of(direction) for direction in DIRECTIONS)
        command = python_command(
            "serl_rl",
            "actor",
            config_file=forward.config,
            backward_config_file=backward.config,
            learner_address=self._source("forward"),
            backward_learner_address=self._source("backward"),
            actor_id=_ACTOR_ID,
            spool_directory=self._directory.path / "spool",
            ready_file=self._ready("actor"),
            robot=self.robot,
        )
        self._actor = self._spawn("actor", command, "actor")

    def is_training(self) -> bool:
        """Returns whether a learner still trains, or was killed and will."""
        return any(child.poll() is None or _was_killed(child) for child in self._learners.values())

    def restart_killed(self) -> tuple[str, ...]:
        """Restarts processes that were killed, and returns their names.

        Raises:
            ProcessError: A process failed by itself, or they are killed again and again.
        """
        back: list[str] = []
        for direction, learner in self._learners.items():
            if self._is_to_come_back(learner):
                self.start_learner(direction)
                back.append(learner.name)
        if self._actor is not None:
            back += self._restart_actor(self._actor)
        return tuple(back)

    def _restart_actor(self, actor: ChildProcess) -> Iterable[str]:
        """Restarts actor and simulator. An actor fails without its simulator, so its own end is looked at first."""
        code, simulator = actor.poll(), self._simulator
        if simulator is not None and simulator.poll() is not None:
            self._count_return(simulator)
            actor.stop(_LEAVE_S)
            self.start_simulator()
            self.start_actor()
            return (simulator.name, actor.name)
        if code is not None and self._is_to_come_back(actor):
            self.start_actor()
            return (actor.name,)
        return ()

    def _is_to_come_back(self, child: ChildProcess) -> bool:
        """Returns whether a child was killed; raises if it failed by itself."""
        if _was_killed(child):
            self._count_return(child)
            return True
        child.check()
        return False

    def drain(self) -> None:
        """Ends actor and learners in this order, so that every row arrives.

        Raises:
            ProcessError: One does not end, or ended badly.
        """
        for child in (self._actor, *self._learners.values()):
            if child is None:
                continue
            if self._stop.is_set():
                child.stop(_LEAVE_S)
            elif child.wait(_LEAVE_S) is None:
                raise ProcessError(f"the {child.name} did not end within {_LEAVE_S:.0f} s (log: {child.log_path})")
            else:
                child.check()

    def stop(self) -> None:
        """Ends everything that still runs."""
        for child in (self._actor, *self._learners.values(), self._simulator):
            if child is not None:
                child.stop(_LEAVE_S)

    def _source(self, direction: Direction) -> str:
        """Returns a learner's address, or the folder of its run once it has finished."""
        has_finished = self._learners[direction].poll() == 0
        return str(self.directory_of(direction).path) if has_finished else self._addresses[direction]

    def _count_return(self, child: ChildProcess) -> None:
        self._returns += 1
        if self._returns > _MOST_RETURNS:
            raise ProcessError(
                f"the {child.name} was killed, after {_MOST_RETURNS} processes before it; is memory short? "
                f"What was collected is in {self._directory.path} (log: {child.log_path})"
            )

    def _ready(self, name: str) -> Path:
        return self._directory.logs / f"{name}.ready"

    def _spawn(self, name: str, command: list[str], log: str, *, threads: int | None = 1) -> ChildProcess:
        return ChildProcess(name, command, self._directory.logs / f"{log}.log", threads=threads)


def _was_killed(child: ChildProcess) -> bool:
    code = child.poll()
    return code is not None and code < 0
