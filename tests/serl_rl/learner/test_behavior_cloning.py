from dataclasses import replace

import numpy as np
import pytest

from serl_rl.algorithms.bc import BcAgent
from serl_rl.algorithms.bc_config import BcConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.config.presets import preset
from serl_rl.envs.evaluation import evaluate
from serl_rl.envs.factory import spec_of
from serl_rl.errors import DivergedError, UsageError
from serl_rl.learner.behavior_cloning import clone, steps_of, validation_split
from serl_tasks.point_mass.environment import PointMassEnv
from serl_tasks.point_mass.expert import PointMassExpert

CONFIG = replace(preset("debug"), sac=replace(preset("debug").sac, hidden_sizes=(32, 32)))
SETTINGS = BcConfig(steps=300, batch_size=64, check_steps=50, learning_rate=3e-3, validation_share=0.2)


@pytest.fixture(scope="module")
def episodes():
    from serl_client.episodes.recording import run_episode

    env, expert = PointMassEnv(), PointMassExpert()
    env.reset(seed=0)
    return [run_episode(env, expert) for _ in range(20)]


@pytest.fixture(scope="module")
def spec():
    return spec_of(PointMassEnv(), CONFIG.environment)


def make_agent(spec, settings=SETTINGS):
    return BcAgent(spec, CONFIG.sac, settings, vision=None)


def test_validation_takes_whole_episodes_and_at_least_one(episodes):
    for share, count in ((0.2, 4), (0.001, 1), (0.99, 19)):
        own, held_out = validation_split(episodes, share, seed=1)
        assert len(held_out) == count
        assert {id(episode) for episode in own + held_out} == {id(episode) for episode in episodes}
    assert validation_split(episodes, 0.0, seed=1) == (episodes, [])
    with pytest.raises(UsageError, match="one episode cannot serve both training and validation"):
        validation_split(episodes[:1], 0.1, seed=0)


def test_cloned_policy_does_the_task(episodes, spec):
    own, held_out = validation_split(episodes, SETTINGS.validation_share, seed=0)
    agent = make_agent(spec)
    prepared = [steps_of(part, agent, CONFIG, crops=0) for part in (own, held_out)]
    history = clone(agent, *prepared, seed=0)
    assert history[-1].steps == SETTINGS.steps
    policy = NumpyPolicy(spec)
    policy.load(agent.policy_state())
    assert evaluate(PointMassEnv(), policy, 20, seed=5).success_count >= 19


def test_the_best_weights_are_kept_not_the_last(episodes, spec):
    agent = make_agent(spec, replace(SETTINGS, steps=400, learning_rate=0.1, check_steps=10))
    prepared = [steps_of(part, agent, CONFIG, crops=0) for part in (episodes[:3], episodes[3:])]
    history = clone(agent, *prepared, seed=0)
    errors = [progress.validation_error for progress in history]
    assert min(errors) < errors[-1]
    _, error = agent.judge(prepared[1].frames.draw(np.arange(len(prepared[1].frames))), prepared[1].actions)
    assert error == pytest.approx(min(errors), rel=1e-4)
    best = [progress.is_best for progress in history]
    assert errors[len(best) - 1 - best[::-1].index(True)] == min(errors)


def test_stopping_keeps_what_there_is(episodes, spec):
    agent = make_agent(spec)
    before = agent.policy_state()
    history = clone(agent, steps_of(episodes, agent, CONFIG, crops=0), None, 0, lambda progress: False)
    assert [progress.steps for progress in history] == [SETTINGS.check_steps]
    assert any((value != before[name]).any() for name, value in agent.policy_state().items())


def test_same_seed_same_policy(episodes, spec):
    states = []
    for _ in range(2):
        agent = make_agent(spec, replace(SETTINGS, steps=20))
        clone(agent, steps_of(episodes, agent, CONFIG, crops=0), None, seed=3)
        states.append(agent.policy_state())
    assert all((states[0][name] == states[1][name]).all() for name in states[0])


def test_cloning_that_diverges_says_so(episodes, spec):
    agent = make_agent(spec, replace(SETTINGS, steps=200, learning_rate=1e30, check_steps=5))
    prepared = [steps_of(part, agent, CONFIG, crops=0) for part in (episodes[:3], episodes[3:])]
    with pytest.raises(DivergedError, match=r"training diverged: .* after \d+ steps; give a smaller --bc"):
        clone(agent, *prepared, seed=0)
