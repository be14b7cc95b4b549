"""Evaluates a policy deterministically: episodes, and success rate with its Wilson interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt

from serl_api.progress import Phase
from serl_api.settings import AT_LEAST_0, AT_LEAST_1, RATIO, check_fields
from serl_rl.envs.patience import Patience

Observation = dict[str, npt.NDArray[np.generic]]
_Z_95 = 1.959963984540054
EVALUATING = "evaluating policy"
"""How the name of the phase begins in which an actor evaluates."""


class Acting(Protocol):
    """Chooses actions."""

    def begin_episode(self) -> None:
        """Clears the state of the last episode."""
        ...

    def act(
        self, observation: Observation, rng: np.random.Generator, *, deterministic: bool = False
    ) -> npt.NDArray[np.float32]:
        """Chooses an action in [-1, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class EpisodeOutcome:
    """Holds the outcome of one evaluation episode."""

    success: bool
    """Whether the task was done."""
    episode_return: float
    """Sum of rewards."""
    step_count: int
    """Environment steps."""


@dataclass(frozen=True)
class EvaluationResult:
    """Holds the outcome of an evaluation."""

    outcomes: tuple[EpisodeOutcome, ...]
    """One for each episode, in order."""

    @property
    def episode_count(self) -> int:
        """Number of episodes."""
        return len(self.outcomes)

    @property
    def success_count(self) -> int:
        """Number of episodes in which the task was done."""
        return sum(outcome.success for outcome in self.outcomes)

    @property
    def success_ratio(self) -> float:
        """Share of episodes in which the task was done, in [0, 1]; 0 without episodes."""
        return self.success_count / max(self.episode_count, 1)

    @property
    def mean_return(self) -> float:
        """Mean sum of rewards; 0 without episodes."""
        return sum(outcome.episode_return for outcome in self.outcomes) / max(self.episode_count, 1)

    @property
    def mean_step_count(self) -> float:
        """Mean number of steps; 0 without episodes."""
        return sum(outcome.step_count for outcome in self.outcomes) / max(self.episode_count, 1)

    def first(self, count: int) -> EvaluationResult:
        """Returns the result of the first episodes."""
        return EvaluationResult(self.outcomes[:count])

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson interval of the success rate at 95 %."""
        return wilson_interval(self.success_count, self.episode_count)


def wilson_interval(successes: int, trials: int, z: float = _Z_95) -> tuple[float, float]:
    """Computes the confidence interval of a rate.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22(158).

    Args:
        successes: Number of successes, from 0 to `trials`.
        trials: Number of trials.
        z: Quantile of the normal distribution; the default gives 95 %.

    Returns:
        Lower and upper bound in [0, 1]; (0, 1) without trials.
    """
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    scale = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def run_episode(env: gymnasium.Env[Any, Any], policy: Acting, seed: int | None = None) -> EpisodeOutcome:
    """Runs one episode with the mode of the policy; without a seed the environment's own stream goes on."""
    rng = np.random.default_rng(0)  # The mode needs no noise.
    observation, info = env.reset(seed=seed)
    policy.begin_episode()
    total, steps, is_over = 0.0, 0, False
    while not is_over:
        observation, reward, terminated, truncated, info = env.step(policy.act(observation, rng, deterministic=True))
        total += float(reward)
        steps += 1
        is_over = bool(terminated or truncated)
    return EpisodeOutcome(bool(info.get("success", False)), total, steps)


def evaluate(
    env: gymnasium.Env[Any, Any],
    policy: Acting,
    episode_count: int,
    seed: int,
    should_stop: Callable[[EvaluationResult], bool] = lambda result: False,
    patience: Patience | None = None,
) -> EvaluationResult:
    """Runs episodes one after the other with one fixed policy.

    Args:
        env: The environment.
        policy: Chooses actions; must not change meanwhile.
        episode_count: Most episodes.
        seed: Seed of the first reset; the others count up.
        should_stop: Asked after each episode whether the outcome is clear already.
        patience: Waits where the arm cannot be driven, and has the episode that this cut short repeated; None raises.

    Returns:
        What it came to; fewer episodes where it was stopped.
    """
    result = EvaluationResult(())
    for index in range(episode_count):
        attempt = partial(run_episode, env, policy, seed + index)
        outcome = attempt() if patience is None else patience.insist(attempt)
        if outcome is None:
            break
        result = EvaluationResult((*result.outcomes, outcome))
        if should_stop(result):
            break
    return result


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """When the actor evaluates, and what ends a run."""

    target_success_ratio: Annotated[float, RATIO] = 0.99
    """Success rate of a deterministic evaluation that ends the run, in [0, 1]."""
    episode_count: Annotated[int, AT_LEAST_1] = 100
    """Episodes of an evaluation that may end the run."""
    check_episode_count: Annotated[int, AT_LEAST_1] = 20
    """Episodes after which a hopeless evaluation is broken off; still reported."""
    trigger_success_ratio: Annotated[float, RATIO] = 0.6
    """Success rate of the latest training episodes from which evaluating is worth its time, in [0, 1]."""
    trigger_episode_count: Annotated[int, AT_LEAST_1] = 10
    """Training episodes that the trigger looks at."""
    shortest_gap_steps: Annotated[int, AT_LEAST_0] = 250
    """Environment steps between two evaluations at least."""
    longest_gap_steps: Annotated[int, AT_LEAST_1] = 4000
    """Environment steps between two evaluations at most."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def allowed_failures(self) -> int:
        """Failures that an evaluation may hold and still reach the target."""
        return math.floor(self.episode_count * (1 - self.target_success_ratio) + 1e-9)

    def is_hopeless(self, result: EvaluationResult) -> bool:
        """Whether an evaluation cannot reach the target any more and has run long enough to say something."""
        failures = result.episode_count - result.success_count
        return failures > self.allowed_failures() and result.episode_count >= self.check_episode_count

    def is_reached(self, successes: int, episodes: int) -> bool:
        """Whether an evaluation ends the run."""
        return episodes >= self.episode_count and successes >= self.target_success_ratio * episodes - 1e-9


def report_evaluation(phase: Phase, result: EvaluationResult) -> bool:
    """Reports how far an evaluation is; returns False, so that the evaluation goes on."""
    phase.report(result.episode_count, f"success {result.success_ratio:.0%}")
    return False


def result_values(result: EvaluationResult) -> dict[str, Any]:
    """Returns an evaluation as plain values."""
    lower, upper = result.interval
    return {
        "episodes": result.episode_count,
        "successes": result.success_count,
        "success_ratio": round(result.success_ratio, 4),
        "wilson_interval_95": [round(lower, 4), round(upper, 4)],
        "mean_return": round(result.mean_return, 4),
        "mean_steps": round(result.mean_step_count, 2),
    }
