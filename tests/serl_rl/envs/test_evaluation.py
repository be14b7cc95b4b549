"""Success rates, their interval, and when an evaluation is over."""

import numpy as np
import pytest

from serl_api.errors.robot import ConnectionLostError
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.envs.evaluation import (
    EpisodeOutcome,
    EvaluationConfig,
    EvaluationResult,
    evaluate,
    run_episode,
    wilson_interval,
)
from serl_rl.envs.patience import Patience
from serl_tasks.point_mass.environment import PointMassEnv


class Centring:
    """Pushes the point to the centre."""

    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        assert deterministic
        return np.clip(-10 * observation["state"], -1, 1)


class Idle:
    """Does nothing."""

    def begin_episode(self):
        pass

    def act(self, observation, rng, *, deterministic=False):
        return np.zeros(2, np.float32)


def result(successes, failures):
    return EvaluationResult((EpisodeOutcome(True, 1.0, 10),) * successes + (EpisodeOutcome(False, 0.0, 60),) * failures)


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_wilson_interval_is_the_published_one(successes, trials, lower, upper):
    assert wilson_interval(successes, trials) == pytest.approx((lower, upper), abs=5e-5)


def test_the_interval_without_trials_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_an_episode_ends_with_the_task():
    outcome = run_episode(PointMassEnv(), Centring(), seed=1)
    assert outcome.success
    assert outcome.episode_return == 1.0


def test_an_episode_ends_with_the_clock():
    env = PointMassEnv()
    seed = next(seed for seed in range(20) if np.linalg.norm(env.reset(seed=seed)[0]["state"]) > 0.3)
    outcome = run_episode(env, Idle(), seed=seed)
    assert not outcome.success
    assert outcome.step_count == 20


@pytest.mark.trap
def test_equal_seeds_give_equal_outcomes():
    first, second = (evaluate(PointMassEnv(), Centring(), 5, seed=3) for _ in range(2))
    assert first == second
    assert first.success_ratio == 1.0


def test_an_evaluation_can_be_broken_off():
    assert evaluate(PointMassEnv(), Idle(), 50, 0, lambda so_far: so_far.episode_count >= 4).episode_count == 4


def test_a_hopeless_evaluation_ends_after_the_check():
    config = EvaluationConfig(target_success_ratio=0.95, episode_count=50)
    assert config.allowed_failures() == 2
    assert not config.is_hopeless(result(10, 9))
    assert config.is_hopeless(result(17, 3))
    assert not config.is_hopeless(result(18, 2))


def test_the_target_takes_all_episodes():
    config = EvaluationConfig(target_success_ratio=0.95, episode_count=50)
    assert config.is_reached(48, 50)
    assert not config.is_reached(47, 50)
    assert not config.is_reached(20, 20)


class Vanishing(PointMassEnv):
    """A point whose daemon goes away in one step of one episode."""

    def __init__(self, error):
        super().__init__()
        self.error = error
        self.steps = 0

    def step(self, action):
        self.steps += 1
        if self.steps == 10:
            raise self.error
        return super().step(action)


def test_an_episode_that_was_cut_short_is_repeated_and_counts_once():
    undisturbed = evaluate(PointMassEnv(), Centring(), 6, seed=3)
    patience = Patience(StopSignal(), retry_s=0.0)
    env = Vanishing(ConnectionLostError("away"))
    assert evaluate(env, Centring(), 6, seed=3, patience=patience) == undisturbed
    assert env.steps > sum(outcome.step_count for outcome in undisturbed.outcomes)


def test_without_patience_it_raises():
    with pytest.raises(ConnectionLostError):
        evaluate(Vanishing(ConnectionLostError("away")), Centring(), 6, seed=3)
