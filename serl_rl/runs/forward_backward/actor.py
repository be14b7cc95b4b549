"""Runs the actor of a task pair: opens the arm, joins both learners and alternates between the two task players."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_rl.actor.intervention import AddIntervention
from serl_rl.actor.joining import ActorIdentity
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import RobotConfig, spec_of
from serl_rl.errors import UsageError
from serl_rl.policies.saved import load_policy
from serl_rl.runs.forward_backward.alternation import Alternation
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction, TaskPair, pair_environments
from serl_rl.runs.forward_backward.task_player import FinishedTaskPlayer, LearningTaskPlayer, TaskPlayer

log = logging.getLogger(__name__)

_NEVER_STEPS = 2**62


@dataclass(frozen=True, kw_only=True)
class PairActor:
    """Acts for the learners of both tasks of a pair."""

    task_pair: TaskPair
    """The experiments."""
    learners: Mapping[Direction, str]
    """Address of each learner; or the folder of a finished run, whose policy then only plays."""
    robot: RobotConfig
    """Which daemon drives the arm."""
    identity: ActorIdentity
    """How it presents itself to both learners; each direction has a spool of its own."""
    add_intervention: AddIntervention
    """Lets somebody take over in an environment."""
    _progress: Progress = field(default_factory=lambda: Progress(say=log.info), init=False, repr=False)

    def run(self, stop: StopSignal, on_joined: Callable[[], None]) -> None:
        """Acts until both learners have finished, or somebody asks to stop.

        Raises:
            RunError: A learner refused, or a spool or policy cannot be read.
        """
        if all(_is_folder(learner) for learner in self.learners.values()):
            raise UsageError("both learners are folders of finished runs; give the address of one that learns")
        with pair_environments(self.task_pair, self.robot) as envs, contextlib.ExitStack() as stack:
            players: dict[Direction, TaskPlayer] = {}
            for direction in DIRECTIONS:
                players[direction] = self._make_player(direction, envs[direction], stop, stack)
            on_joined()
            alternation = Alternation(players, stop)
            with self._progress.phase("acting") as phase:
                phase.report(note=lambda: f"now {alternation.active}; " + "; ".join(_figures(players)))
                alternation.run()

    def _make_player(
        self, direction: Direction, env: gymnasium.Env[Any, Any], stop: StopSignal, stack: contextlib.ExitStack
    ) -> TaskPlayer:
        learner, config = self.learners[direction], self.task_pair.of(direction)
        # Of a finished task too: somebody may have to say that it succeeded.
        wrapped = self.add_intervention(env, config)
        if _is_folder(learner):
            policy, trained, _ = load_policy(Path(learner))
            _check_same_task(trained, config, learner)
            return FinishedTaskPlayer(wrapped.env, policy, stop, config.seed)
        if not env.get_wrapper_attr("draws_scenes"):
            log.warning("a real cell draws no scenes, so that %s is not evaluated meanwhile", direction)
            config = _without_evaluation(config)
        spec = spec_of(env, config.environment)
        joining = self.identity.join(learner, wrapped, spec, config, stop, self._progress, direction=direction)
        return LearningTaskPlayer(wrapped.env, stack.enter_context(joining), stop)


def _figures(players: Mapping[Direction, TaskPlayer]) -> list[str]:
    """Says how each direction goes that learns."""
    return [f"{direction} {player.figures()}" for direction, player in players.items() if player.is_learning]


def _is_folder(learner: str) -> bool:
    return Path(learner).is_dir()


def _check_same_task(trained: TrainConfig, config: TrainConfig, learner: str) -> None:
    if trained.environment.id != config.environment.id:
        raise UsageError(
            f"the policy in {learner} was trained on {trained.environment.id}, not on {config.environment.id}"
        )


def _without_evaluation(config: TrainConfig) -> TrainConfig:
    never = replace(config.evaluation, shortest_gap_steps=_NEVER_STEPS, longest_gap_steps=_NEVER_STEPS)
    return replace(config, evaluation=never)
