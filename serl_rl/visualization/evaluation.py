"""Records environments and evaluations as videos and in the rerun viewer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import gymnasium

from serl_rl.envs.evaluation import Acting, EvaluationResult, evaluate
from serl_rl.envs.factory import control_rate_hz
from serl_rl.envs.patience import Patience
from serl_rl.errors import UsageError
from serl_rl.visualization.labels import labels_of

if TYPE_CHECKING:
    from serl_rl.visualization.episode_video import EpisodeVideo
    from serl_rl.visualization.rerun_stream import RerunStream
    from serl_rl.visualization.step_record import StepSink

Watch: TypeAlias = Callable[[gymnasium.Env[Any, Any]], gymnasium.Env[Any, Any]]
"""Puts somebody who looks on around an environment."""


def watched_evaluation(
    env: gymnasium.Env[Any, Any],
    policy: Acting,
    checkpoint: Path | None,
    episode_count: int,
    seed: int,
    should_stop: Callable[[EvaluationResult], bool],
    patience: Patience | None = None,
    *,
    film_episodes: int = 0,
    overlay: bool = True,
    rerun: str | None = None,
    name: str = "",
) -> tuple[EvaluationResult, EpisodeVideo | None]:
    """Evaluates a policy and records it; recording changes no outcome.

    Args:
        env: The environment; must render RGB arrays if it is filmed and has no cameras.
        policy: Chooses actions.
        checkpoint: Where its critics are, which are asked what they expect; None where it has none.
        episode_count: Episodes that count.
        seed: Seed of the first reset; the others count up.
        should_stop: Asked after each episode.
        patience: Waits where the arm cannot be driven; None raises.
        film_episodes: Episodes of the film; 0 for none. Those beyond `episode_count` do not count.
        overlay: Whether the film shows more than pictures.
        rerun: Where to stream to, as in `RerunStream.open`; None for nowhere.
        name: What the viewer calls the recording; empty for the checkpoint's.

    Returns:
        What the evaluation came to, and the film.

    Raises:
        CheckpointError: The checkpoint's critics do not fit it.
        UsageError: rerun is not installed, or cannot write there.
    """
    if not film_episodes and rerun is None:
        return evaluate(env, policy, episode_count, seed, should_stop, patience), None
    from serl_rl.visualization.episode_video import EpisodeVideo
    from serl_rl.visualization.recorder_wrapper import StepRecorder
    from serl_rl.visualization.saved_critic import load_critic

    labels = labels_of(env, control_rate_hz(env))
    called = name or ("policy" if checkpoint is None else checkpoint.name)
    sinks: list[StepSink] = []
    film = EpisodeVideo(film_episodes, labels, overlay=overlay) if film_episodes else None
    if film is not None:
        sinks.append(film)
    with contextlib.ExitStack() as stack:
        if rerun is not None:
            from serl_rl.visualization.rerun_stream import RerunStream

            sinks.append(stack.enter_context(RerunStream.open(rerun, labels, name=called)))
        critic = None if checkpoint is None else load_critic(checkpoint)
        watched = StepRecorder(env, sinks, labels, critic)
        result = evaluate(watched, policy, max(episode_count, film_episodes), seed, should_stop, patience)
    return result.first(episode_count), film


@contextlib.contextmanager
def watching(target: str | None, name: str, run: Path | None = None) -> Iterator[Watch]:
    """Streams the steps of one environment or several to rerun, for the duration of a block.

    Args:
        target: Where to, as in `RerunStream.open`; None for nowhere: environments stay as they are.
        name: What the viewer calls the recording.
        run: Folder of the run whose newest critics are asked what they expect; None for no critics.

    Raises:
        UsageError: There is no such folder. Where an environment is watched: rerun is not installed, or cannot write
            there.
    """
    if run is not None and not run.is_dir():
        raise UsageError(f"there is no folder {run} of a run whose critics could be asked; start its learner first")
    if target is None:
        yield lambda env: env
        return
    from serl_rl.visualization.recorder_wrapper import StepRecorder
    from serl_rl.visualization.rerun_stream import RerunStream
    from serl_rl.visualization.saved_critic import NewestCritic

    streams: list[RerunStream] = []
    with contextlib.ExitStack() as stack:

        def watch(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
            labels = labels_of(env, control_rate_hz(env))
            if not streams:
                streams.append(stack.enter_context(RerunStream.open(target, labels, name=name, needs_scene=False)))
            return StepRecorder(env, streams, labels, None if run is None else NewestCritic(run))

        yield watch
