"""What a change of the gripper costs, from the environment to the grasp critic, and nowhere else."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from serl_client.episodes.files import EpisodeWriter
from serl_client.episodes.recording import episode_header, run_episode
from serl_client.wrappers import GripperPenalty, Intervention
from serl_rl.algorithms.sac.agent import SacAgent, SacConfig
from serl_rl.demonstrations.files import load_demonstrations
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.batch_sampler import BatchSampler

pytestmark = pytest.mark.trap

CLOSE, KEEP, OPEN = -1.0, 0.0, 1.0
COST = 0.02


class GraspEnv(gymnasium.Env):
    """Three steps; closing at the third one is a success that pays 1."""

    observation_space = spaces.Dict({"state": spaces.Box(-9, 9, (1,), np.float32)})
    action_space = spaces.Box(-1, 1, (4,), np.float32)

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.observe(), {"gripper_width": 0.085}

    def step(self, action):
        self.steps += 1
        done = self.steps == 3
        success = done and action[-1] < -0.5
        info = {"gripper_width": 0.085, "success": bool(success)}
        return self.observe(), float(success), bool(success), done and not success, info

    def observe(self):
        return {"state": np.full(1, self.steps, np.float32)}


class Script:
    """Says each action of a list, one a step."""

    def __init__(self, *grips):
        self.grips = grips

    def reset(self, *unused):
        self.next = iter(self.grips)

    def action(self, observation, info):
        return np.array((0.1, 0.2, 0.3, next(self.next)), np.float32)


def by_step(replay):
    """Reward, gripper's cost and whether it ended the task, of each step."""
    batch = replay.sample(200, np.random.default_rng(0))
    columns = batch.observations["state"][:, 0], batch.rewards, batch.grasp_penalties, batch.terminated
    return {int(step): (float(r), round(float(p), 6), bool(t)) for step, r, p, t in zip(*columns, strict=True)}


def test_a_success_that_comes_with_a_change_of_the_gripper_is_worth_one_and_ends_the_episode(collect):
    # SERL subtracted the penalty from the reward: 0.9 was no success, and the episode went on.
    class ClosingAtTheEnd(Script):
        def intervene(self, action, observation, info):
            return self.action(observation, info)

    env = Intervention(GripperPenalty(GraspEnv(), COST, max_width=0.085), ClosingAtTheEnd(KEEP, KEEP, CLOSE))
    replay, reports = collect(env, np.zeros(4), episodes=1)
    assert by_step(replay) == {0: (0, 0, False), 1: (0, 0, False), 2: (1, -COST, True)}
    assert reports[0].success
    assert reports[0].episode_return == 1.0


def test_costs_of_demonstrations_reach_the_grasp_critic(tmp_path):
    env = GripperPenalty(GraspEnv(), COST, max_width=0.085)
    path = tmp_path / "demos.episodes"
    with EpisodeWriter(path, episode_header(env)) as writer:
        writer.append(run_episode(env, Script(CLOSE, OPEN, CLOSE)))
    spec = EnvironmentSpec.from_spaces("test/Grasp-v0", env.observation_space, env.action_space)
    replay = load_demonstrations((path,), spec)
    assert by_step(replay) == {0: (0, -COST, False), 1: (0, -COST, False), 2: (1, -COST, True)}
    # The target of the grasp critic without its bootstrap: reward + cost, by hand.
    config = SacConfig(
        hidden_sizes=(8, 8), batch_size=16, critic_updates_per_actor_update=2, compile="off", discount=0.0,
        precision="float32", grippers=1, learning_rate=1e-12,
    )  # fmt: skip
    agent = SacAgent(spec, config)
    batch = BatchSampler(replay, None, batch_size=16, minibatches=2, seed=0).sample(0)
    steps = batch.observations["state"][..., 0].numpy()
    goal = np.where(steps == 2, 1.0 - COST, -COST)
    choice = np.where(steps == 1, 2, 0)  # Open is the last of close, keep, open.
    values = agent._grasp.critic(batch.observations["state"].flatten(0, 1)).detach().double().numpy()
    expected = ((values[np.arange(32), choice.ravel()] - goal.ravel()) ** 2).mean()
    assert agent.update(batch)["grasp_loss"].item() == pytest.approx(expected, rel=1e-5)


def test_demonstrations_without_costs_count_as_free(tmp_path):
    # Upstream's buffer could not insert a transition whose infos lack the key.
    env = GraspEnv()
    path = tmp_path / "demos.episodes"
    with EpisodeWriter(path, episode_header(env)) as writer:
        writer.append(run_episode(env, Script(CLOSE, OPEN, CLOSE)))
    spec = EnvironmentSpec.from_spaces("test/Grasp-v0", env.observation_space, env.action_space)
    assert by_step(load_demonstrations((path,), spec)) == {0: (0, 0, False), 1: (0, 0, False), 2: (1, 0, True)}


@pytest.mark.parametrize(("recorded", "choice"), [(-0.93, 0), (-0.91, 0), (0.0, 1), (0.9, 2), (0.97, 2)])
def test_a_button_that_was_recorded_as_a_fraction_is_the_choice_that_was_meant(recorded, choice):
    # Upstream draws U(0.9, 1) for a button; cutting off the fraction made "keep" of it until its pull request 23.
    spec = EnvironmentSpec.from_spaces("test/Grasp-v0", GraspEnv.observation_space, GraspEnv.action_space)
    agent = SacAgent(spec, SacConfig(hidden_sizes=(8, 8), compile="off", grippers=1))
    actions = torch.tensor([[0.1, 0.2, 0.3, recorded]])
    values = agent._grasp.critic(torch.ones(1, 1)).detach().double().numpy()[0]
    nothing = torch.zeros(1)
    _, (_, mean_value) = agent._grasp.gradients(torch.ones(1, 1), actions, nothing, nothing, torch.ones(1, 1))
    assert mean_value.item() == pytest.approx(values[choice], rel=1e-5)
