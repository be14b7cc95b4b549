"""Pairs two opposite tasks: which experiment undoes which, and their environments over one arm."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import gymnasium

from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.envs.task_finding import find_task, is_task, usable_tasks
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import RobotConfig, make_environment, simulator_scene
from serl_rl.errors import UsageError

Direction: TypeAlias = Literal["forward", "backward"]
"""Which of the two tasks; forward is the one that is active first."""
DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")
"""Both."""


@dataclass(frozen=True)
class TaskPair:
    """Holds the experiments of two opposite tasks.

    Raises:
        UsageError: Neither undoes the other.
    """

    forward: TrainConfig
    """The experiment that is active first."""
    backward: TrainConfig
    """The one that undoes it."""

    def __post_init__(self) -> None:
        """Refuses two that cannot share an arm."""
        forward, backward = self.forward.environment, self.backward.environment
        if opposite_id(forward.id) != backward.id:
            raise UsageError(
                f"{backward.id} does not undo {forward.id}, which {opposite_id(forward.id)} does; "
                "give both learners of a pair the same preset, forward and backward"
            )

    def of(self, direction: Direction) -> TrainConfig:
        """Returns the experiment of a direction."""
        return self.forward if direction == "forward" else self.backward


def opposite_id(environment: str) -> str:
    """Returns the name of the environment whose task undoes another's.

    Raises:
        UsageError: There is none; those that there are, are named.
    """
    task = find_task(environment) if is_task(environment) else None
    if task is not None and task.opposite:
        return task.opposite
    known = [name for name, task in usable_tasks().items() if task.opposite]
    raise UsageError(
        f"no task undoes that of {environment}, so it cannot be trained forward and backward; "
        f"take one of {', '.join(known)}"
    )


def task_pair_of(config: TrainConfig) -> TaskPair:
    """Pairs an experiment with the same one on the opposite task.

    Raises:
        UsageError: No task undoes its task.
    """
    back = replace(config.environment, id=opposite_id(config.environment.id))
    return TaskPair(config, replace(config, environment=back))


@contextlib.contextmanager
def pair_environments(task_pair: TaskPair, robot: RobotConfig) -> Iterator[Mapping[Direction, gymnasium.Env[Any, Any]]]:
    """Opens the environments of both tasks over one arm, which one of them holds at a time.

    Args:
        task_pair: The experiments.
        robot: Which daemon; without an address a private simulator is started, which serves both.

    Yields:
        Environments by direction. Call `release` of one before `reset` of the other.
    """
    with contextlib.ExitStack() as stack:
        scene = simulator_scene(task_pair.forward.environment)
        if robot.robot is None and scene is not None:
            pushes = task_pair.forward.environment.control == "wrench"
            simulator = stack.enter_context(PrivateSimulator(scene, wrench_control=pushes))
            robot = replace(robot, robot=simulator.address)
        envs: dict[Direction, gymnasium.Env[Any, Any]] = {}
        for direction in DIRECTIONS:
            env = make_environment(task_pair.of(direction).environment, robot)
            stack.callback(env.close)
            envs[direction] = env
        yield envs
