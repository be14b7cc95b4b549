"""Runs the actor's loop: explores with the newest policy, spools every row, evaluates when that is due."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_client.episodes.info_keys import INTERVENTION_ACTION
from serl_client.errors import PASSING_ERRORS
from serl_client.wrappers import Intervention
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.rows import make_row, row_type
from serl_rl.actor.spool import Spool
from serl_rl.algorithms.algorithm import RunnablePolicy
from serl_rl.config.train import TrainConfig
from serl_rl.envs.evaluation import (
    EVALUATING,
    EvaluationConfig,
    EvaluationResult,
    Observation,
    evaluate,
    report_evaluation,
)
from serl_rl.envs.patience import Patience
from serl_rl.protocol.spec import EnvironmentSpec

log = logging.getLogger(__name__)

_POLL_S = 0.2
_DRAIN_S = 10.0
# Evaluation draws its scenes far from training's and never the same ones twice.
_EVALUATION_SEED = 1_000_000
_LARGEST_SEED = 2**31 - 1


@dataclass
class EvaluationTrigger:
    """Decides when to evaluate: when training succeeds often, or after many steps."""

    config: EvaluationConfig
    """Thresholds."""
    recent: deque[bool] = field(default_factory=deque)
    """Successes of the latest training episodes."""
    steps: int = 0
    """Environment steps since the last evaluation."""

    def add_episode(self, steps: int, *, success: bool) -> None:
        """Notes a training episode."""
        self.steps += steps
        self.recent.append(success)
        while len(self.recent) > self.config.trigger_episode_count:
            self.recent.popleft()

    def is_due(self) -> bool:
        """Returns whether to evaluate now."""
        if self.steps >= self.config.longest_gap_steps:
            return True
        is_full = len(self.recent) >= self.config.trigger_episode_count
        is_good = sum(self.recent) >= self.config.trigger_success_ratio * len(self.recent)
        return is_full and is_good and self.steps >= self.config.shortest_gap_steps

    def reset(self) -> None:
        """Notes an evaluation."""
        self.steps = 0


@dataclass
class _EpisodeTally:
    """Figures of the training episode that is under way."""

    episode_id: int
    start_s: float
    steps: int = 0
    interventions: int = 0
    total_reward: float = 0.0
    success: bool = False

    def summary(self, version: int) -> pb.EpisodeSummary:
        """Summarizes the episode for the learner's curve."""
        return pb.EpisodeSummary(
            episode_id=self.episode_id,
            step_count=self.steps,
            episode_return=self.total_reward,
            success=self.success,
            intervention_ratio=self.interventions / max(self.steps, 1),
            policy_version=version,
            steps_per_second=self.steps / max(time.monotonic() - self.start_s, 1e-9),
        )


class EpisodeEnd(Enum):
    """Says how an episode ended."""

    OPEN = 0
    """The task is not done: time was up, the arm could not be driven on, or somebody asked to stop."""
    DONE = 1
    """The task was done."""
    DONE_BEFORE = 2
    """The task was done before the first step, so that there was no episode."""


class Actor:
    """Drives one environment. Everything happens in the caller's thread but sending and receiving.

    Args:
        env: The environment.
        spec: Its spec.
        client: Client of the learner, started.
        spool: Where rows wait to be sent.
        policy: Inference, filled with each version that arrives.
        config: The experiment.
        stop: Ends the loop between two steps.
        intervention: Where somebody may take over, which an evaluation must not allow; None where none can.
        keeps_scene: Whether training goes on in the scene that the last episode left; evaluations draw theirs.
        progress: Shows what it does; None logs it.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        spec: EnvironmentSpec,
        client: LearnerClient,
        spool: Spool,
        policy: RunnablePolicy,
        config: TrainConfig,
        stop: StopSignal,
        intervention: Intervention | None = None,
        *,
        keeps_scene: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._env = env
        self._keeps_scene = keeps_scene
        self._intervention = intervention
        self._client = client
        self._spool = spool
        self._policy = policy
        self._config = config
        self._stop = stop
        self._row_type = row_type(spec)
        self._action_shape = spec.action.shape
        # A restarted actor draws other numbers than it did before.
        self._rng = np.random.default_rng((config.seed, spool.next_sequence))
        self._trigger = EvaluationTrigger(config.evaluation)
        self._evaluation_count = 0
        self._said = ""
        self._progress = progress or Progress(say=log.info)
        self._episodes = 0
        self._patience = Patience(stop, self._progress, is_over=self._has_finished)

    def run(self) -> None:
        """Collects episodes until training has finished or a signal comes; then sends what is left.

        Raises:
            LearnerError: The learner refused this actor for good.
            SpoolFullError: The disk is full; nothing is lost.
        """
        with self._progress.phase("waiting for the learner's first policy"):
            while not self.is_over and not self._client.receiver.wait(_POLL_S):
                self._client.check()
        with self._progress.phase("acting") as phase:
            phase.report(note=self.figures)
            while not self.is_over:
                self.play()
        self.drain()

    def figures(self) -> str:
        """Describes its progress in a few words."""
        recent, waiting = tuple(self._trigger.recent), self._spool.waiting_count
        words = [f"{self._episodes} episodes", f"{self._spool.next_sequence - 1} rows"]
        words += [f"success {sum(recent) / len(recent):.0%} of the last {len(recent)}"] if recent else []
        words += [f"policy {self._client.receiver.taken_version}"]
        words += ["learner connected" if self._client.status.is_connected else f"no learner, {waiting} rows wait"]
        return ", ".join(words)

    @property
    def is_over(self) -> bool:
        """Returns whether training has finished, or somebody asked to stop."""
        return self._stop.is_set() or self._client.status.phase == pb.PHASE_FINISHED

    def play(self) -> EpisodeEnd:
        """Collects one episode, and evaluates if that is due.

        Raises:
            LearnerError: The learner refused this actor for good.
            SpoolFullError: The disk is full; nothing is lost.
        """
        end = self._collect_episode()
        if self._trigger.is_due() and not self.is_over and self._client.status.is_connected:
            self._evaluate()
        return end

    def drain(self) -> None:
        """Waits shortly until the learner has every row; what it has not stays in the spool."""
        if not self._client.drain(_DRAIN_S if self._client.status.is_connected else 0.0):
            log.warning(
                "%d rows stay in the spool; they are sent when the actor starts again", self._spool.waiting_count
            )

    def _collect_episode(self) -> EpisodeEnd:
        options = {"keep_scene": True} if self._keeps_scene else None
        begun = self._patience.insist(lambda: self._env.reset(seed=self._draw_seed(), options=options))
        if begun is None:
            return EpisodeEnd.OPEN
        observation, info = begun
        if self._keeps_scene and info.get("success", False):
            return EpisodeEnd.DONE_BEFORE
        self._policy.begin_episode()
        self._said = ""
        tally = _EpisodeTally(self._spool.next_sequence, time.monotonic())
        is_ended = False
        try:
            while not is_ended and self._may_step():
                observation, info, is_ended = self._step(observation, tally)
        except PASSING_ERRORS as error:
            self._patience.note(error)
        if tally.steps:
            self._append(observation, tally, pb.ROW_KIND_FINAL)
        if is_ended:
            self._episodes += 1
            tally.success = bool(info.get("success", False))
            # What an intervention helped with says nothing about the policy.
            self._trigger.add_episode(tally.steps, success=tally.success and not tally.interventions)
            self._client.report_episode(tally.summary(self._client.receiver.taken_version))
        return EpisodeEnd.DONE if tally.success else EpisodeEnd.OPEN

    def _may_step(self) -> bool:
        """Waits for a grant and for room in the spool; False if it is time to leave."""
        while not self.is_over:
            has_grant = self._config.actor.ignores_grants or self._client.wait_for_grant(
                self._spool.next_sequence, _POLL_S
            )
            has_room = not self._spool.is_full or self._spool.wait_for_room(_POLL_S)
            if has_grant and has_room:
                self._client.check()
                return not self.is_over
            self._say_why(has_grant=has_grant)
        return False

    def _has_finished(self) -> bool:
        """Returns whether the learner has; raises what it refused for good."""
        self._client.check()
        return self.is_over

    def _say_why(self, *, has_grant: bool) -> None:
        """Says once an episode why the arm stands still, where it is not just ahead of the learner."""
        if has_grant:
            limit = self._config.actor.spool_limit_mb
            why = f"the spool is full (actor.spool_limit_mb is {limit:g}); the arm waits until the learner takes rows"
        elif not self._client.status.is_connected:
            why = "the arm waits for the learner; with --actor.ignores-grants it would go on without"
        else:
            return
        if why != self._said:
            self._said = why
            log.warning("%s", why)

    def _step(self, observation: Observation, tally: _EpisodeTally) -> tuple[Observation, dict[str, Any], bool]:
        self._follow()
        action = self._choose(observation)
        following, reward, terminated, truncated, info = self._env.step(action)
        is_intervention = INTERVENTION_ACTION in info
        kind = pb.ROW_KIND_TERMINATED if terminated else pb.ROW_KIND_TRUNCATED if truncated else pb.ROW_KIND_STEP
        executed = np.clip(np.asarray(info.get(INTERVENTION_ACTION, action), np.float32), -1.0, 1.0)
        self._append(
            observation,
            tally,
            kind,
            executed,
            float(reward),
            intervention=is_intervention,
            grasp_penalty=float(info.get("grasp_penalty", 0.0)),
        )
        tally.steps += 1
        tally.total_reward += float(reward)
        tally.interventions += is_intervention
        return following, info, bool(terminated or truncated)

    def _append(
        self,
        observation: Observation,
        tally: _EpisodeTally,
        kind: pb.RowKind,
        action: npt.ArrayLike = 0.0,
        reward: float = 0.0,
        *,
        intervention: bool = False,
        grasp_penalty: float = 0.0,
    ) -> None:
        row = make_row(
            self._row_type,
            observation,
            episode_id=tally.episode_id,
            step_index=tally.steps,
            row_kind=kind,
            action=action,
            reward=reward,
            intervention=intervention,
            grasp_penalty=grasp_penalty,
        )
        self._spool.append(row)

    def _follow(self) -> None:
        received = self._client.receiver.take()
        if received is not None:
            self._policy.load(received.arrays)

    def _choose(self, observation: Observation) -> npt.NDArray[np.float32]:
        if self._spool.next_sequence <= self._config.actor.random_steps:
            return self._rng.uniform(-1.0, 1.0, self._action_shape).astype(np.float32)
        return self._policy.act(observation, self._rng)

    def _evaluate(self) -> None:
        self._follow()
        config, version = self._config.evaluation, self._client.receiver.taken_version
        self._evaluation_count += 1
        seed = (_EVALUATION_SEED * self._evaluation_count + self._config.seed * 1000) % _LARGEST_SEED
        alone = self._intervention.suspended() if self._intervention is not None else contextlib.nullcontext()
        with alone, self._progress.phase(f"{EVALUATING} {version}", config.episode_count) as phase:
            result = evaluate(
                self._env,
                self._policy,
                config.episode_count,
                seed,
                lambda so_far: report_evaluation(phase, so_far) or config.is_hopeless(so_far) or self.is_over,
                self._patience,
            )
        self._trigger.reset()
        if not self.is_over:
            self._client.report_evaluation(_summary(result, version), self._gives_up_report)

    def _gives_up_report(self) -> bool:
        """A real arm does not wait with a result until the learner is back."""
        is_alone = self._config.actor.ignores_grants and not self._client.status.is_connected
        return self._stop.is_set() or is_alone

    def _draw_seed(self) -> int:
        return int(self._rng.integers(_LARGEST_SEED))


def _summary(result: EvaluationResult, version: int) -> pb.EvaluationSummary:
    return pb.EvaluationSummary(
        policy_version=version,
        episode_count=result.episode_count,
        success_count=result.success_count,
        mean_return=result.mean_return,
        mean_step_count=result.mean_step_count,
    )
