"""Records rows of metrics from counters, reports and the trainer's figures."""

from __future__ import annotations

import math
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from serl.learner.v1 import learner_service_pb2 as pb

from serl_rl.learner.publish import PolicyPublisher
from serl_rl.learner.run_state import RunState
from serl_rl.learner.trainer import Trainer
from serl_rl.monitoring.metrics import COLUMNS, MetricsRow, MetricsWriter


class ProgressRecorder:
    """Writes one row each time it is asked. Used from one thread.

    Args:
        directory: Folder of the run.
        state: Shared counters and reports.
        publisher: The newest policy, for staleness.
        earlier_s: Seconds of the run before this process started.
        metrics: Names of what the trainer takes down.
    """

    def __init__(
        self,
        directory: Path,
        state: RunState,
        publisher: PolicyPublisher,
        earlier_s: float,
        metrics: tuple[str, ...] = (),
    ) -> None:
        self._writer = MetricsWriter(directory, metrics)
        self._state = state
        self._publisher = publisher
        self._earlier_s = earlier_s
        self._last = (time.monotonic(), state.env_steps, state.critic_updates)
        self._written_evaluation: pb.EvaluationSummary | None = None

    def record(self, trainer: Trainer) -> MetricsRow:
        """Makes and writes a row.

        Args:
            trainer: Gives losses and counts.

        Returns:
            The row.
        """
        state, figures = self._state, trainer.take_metrics()
        known = {name: value for name, value in figures.items() if name in COLUMNS}
        row = MetricsRow(
            wall_time_s=self._earlier_s + state.elapsed_s,
            env_steps=state.env_steps,
            critic_updates=trainer.critic_updates,
            policy_updates=trainer.policy_updates,
            episodes=state.episode_count,
            update_to_data_ratio=state.rate_limiter.actual_ratio(state.env_steps, trainer.critic_updates),
            lag_steps=state.rate_limiter.lag_steps(state.env_steps, trainer.critic_updates),
            live_actors=state.live_actors(),
            **self._rates(),
            **self._episodes(trainer),
            **self._evaluation(),
            **known,
            more={name: value for name, value in figures.items() if name not in known},
        )
        self._writer.write(row)
        return row

    def close(self) -> None:
        """Closes the files."""
        self._writer.close()

    def _rates(self) -> dict[str, Any]:
        now = (time.monotonic(), self._state.env_steps, self._state.critic_updates)
        passed_s = max(now[0] - self._last[0], 1e-6)
        rates = ((now[1] - self._last[1]) / passed_s, (now[2] - self._last[2]) / passed_s)
        self._last = now
        return {"env_steps_per_s": rates[0], "critic_updates_per_s": rates[1]}

    def _episodes(self, trainer: Trainer) -> dict[str, Any]:
        recent, newest = self._state.recent, self._publisher.newest
        if not recent or newest is None:
            return {}
        behind, episodes = newest.version - recent[-1].policy_version, tuple(recent)
        return {
            "success": fmean(episode.success for episode in episodes),
            "episode_return": fmean(episode.episode_return for episode in episodes),
            "episode_steps": fmean(episode.step_count for episode in episodes),
            "intervention_ratio": fmean(episode.intervention_ratio for episode in episodes),
            "staleness_updates": behind / trainer.critic_updates_per_call,
        }

    def _evaluation(self) -> dict[str, Any]:
        evaluation = self._state.last_evaluation
        if evaluation is None or evaluation is self._written_evaluation:
            return {}
        self._written_evaluation = evaluation
        count = evaluation.episode_count
        return {
            "evaluation_success": evaluation.success_count / count if count else math.nan,
            "evaluation_episodes": count,
            "evaluation_return": evaluation.mean_return,
        }
