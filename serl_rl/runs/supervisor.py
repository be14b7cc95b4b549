"""Supervises the processes of a run (simulator, one learner or two, actor); restarts those that were killed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from serl_api.lifetime.child_process import ChildProcess, ProcessError, python_command
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import ENDED
from serl_client.envs.private_simulator import simulator_command
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.config.train import TrainConfig
from serl_rl.envs.evaluation import EVALUATING
from serl_rl.envs.factory import simulator_scene

_LEAVE_S = 30.0
_MOST_RETURNS = 10


class Supervisor:
    """Starts the processes, restarts those that were killed, and drains them in order.

    Args:
        configs: The experiment of each learner by the name of its folder in the run's, which is empty for a single one.
            The second one's task undoes that of the first.
        directory: Folder of the run.
        actor_id: Name of the actor.
        stop: Ends every wait.
    """

    def __init__(
        self, configs: Mapping[str, TrainConfig], directory: RunDirectory, actor_id: str, stop: StopSignal
    ) -> None:
        self._configs = configs
        self._directory = directory
        self._actor_id = actor_id
        self._stop = stop
        self._simulator: ChildProcess | None = None
        self._actor: ChildProcess | None = None
        self._learners: dict[str, ChildProcess] = {}
        self._addresses: dict[str, str] = {}
        self._returns = 0
        self.robot: str | None = None
        """Address of the simulator; None where none is needed."""

    def directory_of(self, name: str) -> RunDirectory:
        """Returns the folder of one learner's run."""
        return RunDirectory(self._directory.path / name)

    def spec_path(self, name: str) -> Path:
        """Returns the file in which a learner waits for its environment's spec."""
        return self.directory_of(name).logs / "spec.json"

    def start_simulator(self) -> None:
        """Starts the simulator, if the tasks need one, and waits for it."""
        config = next(iter(self._configs.values()))
        scene = simulator_scene(config.environment)
        if scene is None or self._stop.is_set():
            return
        ready = self._ready("simulator")
        ready.unlink(missing_ok=True)
        pushes = config.environment.control == "wrench"
        command = simulator_command(scene, self.robot or "127.0.0.1:0", ready, seed=config.seed, wrench_control=pushes)
        self._simulator = self._spawn("simulator", command, "simulator")
        self.robot = self._simulator.wait_for_file(ready, self._stop) or None

    def start_learner(self, name: str) -> None:
        """Starts a learner; one that worked here before goes on where it was."""
        directory, ready = self.directory_of(name), self._ready(_log_of(name))
        ready.unlink(missing_ok=True)
        command = python_command(
            "serl_rl",
            "learner",
            config_file=directory.config,
            run_directory=directory.path,
            address=self._addresses.get(name, "127.0.0.1:0"),
            spec_file=self.spec_path(name),
            ready_file=ready,
            demonstrations=directory.demonstrations if self._configs[name].demonstration_count else None,
            resume=directory.has_run(),
        )
        self._learners[name] = self._spawn(f"{name} learner".lstrip(), command, _log_of(name), threads=None)

    def start_actor(self) -> None:
        """Starts the actor once all learners serve."""
        for name in self._configs:
            if name not in self._addresses:
                address = self._learners[name].wait_for_file(self._ready(_log_of(name)), self._stop)
                if not address:
                    return
                self._addresses[name] = address
        options: dict[str, object] = {}
        for prefix, name in zip(("", "backward_"), self._configs, strict=False):
            options[f"{prefix}config_file"] = self.directory_of(name).config
            options[f"{prefix}learner_address"] = self._source(name)
        command = python_command(
            "serl_rl",
            "actor",
            **options,
            actor_id=self._actor_id,
            spool_directory=self._directory.path / "spool",
            ready_file=self._ready("actor"),
            robot=self.robot,
        )
        self._actor = self._spawn("actor", command, "actor")

    def is_training(self) -> bool:
        """Returns whether a learner still trains, or was killed and will."""
        return any(child.poll() is None or _was_killed(child) for child in self._learners.values())

    def evaluation_of_actor(self) -> str:
        """Returns what the actor said last, while that is how far an evaluation is; else nothing."""
        said = self._actor.last_words().partition(EVALUATING) if self._actor is not None else ("", "", "")
        return "" if ENDED in said[2] else "".join(said[1:])

    def check(self) -> None:
        """Raises if a process has failed or was killed.

        Raises:
            ProcessError: One did; its last words are quoted.
        """
        for child in self._children():
            child.check()

    def restart_killed(self) -> tuple[str, ...]:
        """Restarts processes that were killed, and returns their names.

        Raises:
            ProcessError: A process failed by itself, or they are killed again and again.
        """
        back: list[str] = []
        for name, learner in self._learners.items():
            if self._is_to_come_back(learner):
                self.start_learner(name)
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
        for child in self._children():
            if child is self._simulator:
                continue
            if self._stop.is_set():
                child.stop(_LEAVE_S)
            elif child.wait(_LEAVE_S) is None:
                raise ProcessError(f"the {child.name} did not end within {_LEAVE_S:.0f} s (log: {child.log_path})")
            if not self._stop.is_set():
                child.check()

    def stop(self) -> None:
        """Ends everything that still runs."""
        for child in self._children():
            child.stop(_LEAVE_S)

    def _children(self) -> list[ChildProcess]:
        """Returns actor, learners and simulator, in the order in which they end."""
        return [child for child in (self._actor, *self._learners.values(), self._simulator) if child is not None]

    def _source(self, name: str) -> str:
        """Returns a learner's address, or the folder of its run once it has finished."""
        has_finished = self._learners[name].poll() == 0
        return str(self.directory_of(name).path) if has_finished else self._addresses[name]

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


def _log_of(name: str) -> str:
    """Returns the stem of a learner's log and ready file."""
    return f"learner-{name}" if name else "learner"


def _was_killed(child: ChildProcess) -> bool:
    code = child.poll()
    return code is not None and code < 0
