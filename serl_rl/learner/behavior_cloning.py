"""Clones a policy from demonstrations: training, validation by whole episodes, the best weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from serl_client.episodes.files import Episode
from serl_rl.algorithms.bc import BcAgent
from serl_rl.config.train import TrainConfig
from serl_rl.datasets.splitting import split_episodes
from serl_rl.demonstrations.frames import FrameBank, frames_of, joined
from serl_rl.errors import UsageError
from serl_rl.models.divergence import require_finite

_CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class CloningProgress:
    """Reports the progress of cloning."""

    steps: int
    """Gradient steps done."""
    loss: float
    """Mean negative log-likelihood of the training batches since the last check, in nat."""
    validation_loss: float
    """The same over the validation episodes; NaN without any."""
    validation_error: float
    """Mean absolute difference between deterministic and demonstrated actions there, plus the share of wrong choices of
    grippers; NaN without any."""
    is_best: bool
    """Whether the error is below that of every check before."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Holds the steps of some episodes for sampling."""

    frames: FrameBank
    """What was seen at each."""
    actions: Tensor
    """What was done there. Shape (N, A)."""


def validation_split(
    episodes: Sequence[Episode], validation_share: float, seed: int
) -> tuple[list[Episode], list[Episode]]:
    """Draws the episodes that only validate; see `serl_rl.datasets.splitting`.

    Args:
        episodes: All.
        validation_share: Share of them, in [0, 1); at least one episode unless it is 0.
        seed: Seed of the draw.

    Returns:
        Episodes to learn from, and episodes to validate with.

    Raises:
        UsageError: There is only one episode.
    """
    if validation_share and len(episodes) < 2:
        raise UsageError(
            "one episode cannot serve both training and validation; record more, or give --bc.validation-share 0"
        )
    own, held_out = split_episodes(len(episodes), validation_share, seed)
    return [episodes[number] for number in own], [episodes[number] for number in held_out]


def steps_of(episodes: Sequence[Episode], agent: BcAgent, config: TrainConfig, *, crops: int) -> Steps:
    """Prepares the steps of episodes.

    Args:
        episodes: At least one.
        agent: Whose image preprocessor prepares them.
        config: The experiment.
        crops: Random crops of each image; 0 for none.
    """
    stack = config.vision.frame_stack if agent.preprocessor is not None else 1
    frames = joined([frames_of(episode, np.arange(len(episode)), agent.spec, stack) for episode in episodes])
    bank = FrameBank(frames, agent.spec, agent.preprocessor, crops=crops, seed=config.seed, device=agent.device)
    actions = np.concatenate([episode.actions for episode in episodes]).astype(np.float32)
    return Steps(frames=bank, actions=torch.from_numpy(actions).to(agent.device))


def clone(
    agent: BcAgent,
    training: Steps,
    validation: Steps | None,
    seed: int,
    on_progress: Callable[[CloningProgress], bool] = lambda progress: True,
) -> list[CloningProgress]:
    """Trains; leaves the weights with the smallest validation error in the agent.

    The likelihood is no judge: one gripper that closes a step too late costs more of it than all other steps gain,
    while the deterministic actions, which are what an evaluation runs, still get better.

    Args:
        agent: Fresh, or to be trained further.
        training: Steps to learn from.
        validation: Steps that choose the best weights; None keeps the last ones.
        seed: Seed of the batches and of dropout.
        on_progress: Called at each check; what it returns says whether to go on.

    Returns:
        Every check.

    Raises:
        DivergedError: The loss is NaN or infinite.
    """
    config, rng = agent.config, np.random.default_rng(seed)
    history: list[CloningProgress] = []
    least_error, best = np.inf, agent.policy_state()
    losses: list[Tensor] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # Dropout has no generator of its own.
        for step in range(1, config.steps + 1):
            indices = rng.integers(len(training.frames), size=config.batch_size)
            losses.append(agent.update(training.frames.draw(indices), training.actions[torch.from_numpy(indices)]))
            if step % config.check_steps and step != config.steps:
                continue
            loss, error = (np.nan, np.nan) if validation is None else _validate(agent, validation)
            if validation is not None:
                require_finite("the validation error", error, step, "give a smaller --bc.learning-rate")
            is_best = validation is None or error < least_error
            if is_best:
                least_error, best = error, agent.policy_state()
            mean = torch.stack(losses).mean().item()
            losses.clear()
            require_finite("the loss", mean, step, "give a smaller --bc.learning-rate")
            progress = CloningProgress(
                steps=step, loss=mean, validation_loss=loss, validation_error=error, is_best=is_best
            )
            history.append(progress)
            if not on_progress(progress):
                break
    agent.load_policy_state(best)
    return history


def _validate(agent: BcAgent, steps: Steps) -> tuple[float, float]:
    """Computes loss and error over all steps, each weighing the same."""
    total = np.zeros(2)
    for start in range(0, len(steps.frames), _CHUNK):
        indices = np.arange(start, min(start + _CHUNK, len(steps.frames)))
        chosen = steps.actions[start : start + _CHUNK]
        total += len(indices) * np.array(agent.judge(steps.frames.draw(indices), chosen))
    loss, error = (total / len(steps.frames)).tolist()
    return loss, error
