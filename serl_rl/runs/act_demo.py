"""Runs the demo of imitation: records scripted demonstrations, trains a policy of chunks, and evaluates it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_client.episodes.recording import RecordingProgress
from serl_rl.algorithms.act.config import ActTrainingConfig
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.demonstrations.scripted import record
from serl_rl.envs.evaluation import report_evaluation, result_values
from serl_rl.envs.factory import make_environment
from serl_rl.runs.demo import FINAL_SEED, PhaseClock

if TYPE_CHECKING:
    import gymnasium

Say = Callable[[str], None]


class ActDemo:
    """Runs everything in one process, with a private simulator.

    Args:
        config: The experiment; its algorithm is act.
        training: How the network is trained.
        directory: Folder of the run, empty.
        evaluation_episodes: Episodes of the final evaluation.
        video_episodes: Episodes in the video; 0 for none.
        stop: Ends the run early; what there is then is saved.
    """

    def __init__(
        self,
        config: TrainConfig,
        training: ActTrainingConfig,
        directory: RunDirectory,
        evaluation_episodes: int,
        video_episodes: int,
        stop: StopSignal,
    ) -> None:
        self._config = config
        self._training = training
        self._directory = directory
        self._evaluation_episodes = evaluation_episodes
        self._video_episodes = video_episodes
        self._stop = stop
        self._clock = PhaseClock()

    def run(self, progress: Progress, say: Say) -> dict[str, Any]:
        """Records, trains and evaluates; returns the figures, which are in the run's folder too."""
        write_json(self._directory.config, to_dict(self._config))
        with progress.phase("opening the environment"):
            env = make_environment(self._config.environment)
        values: dict[str, Any] = {"seed": self._config.seed}
        with contextlib.closing(env):
            with self._clock.part("demonstrations_s"):
                self._record(env, progress)
            if not self._stop.is_set():
                values |= self._train(progress, say)
            if not self._stop.is_set():
                values |= self._evaluate(env, progress)
        values |= {"parts_s": self._clock.parts, "wall_time_s": round(self._clock.elapsed_s, 2)}
        write_json(self._directory.result, values)
        return values

    def _record(self, env: gymnasium.Env[Any, Any], progress: Progress) -> None:
        with progress.phase("recording demonstrations", self._config.demonstration_count) as phase:

            def show(done: RecordingProgress) -> None:
                phase.report(done.recorded)
                if self._stop.is_set():
                    raise KeyboardInterrupt

            with contextlib.suppress(KeyboardInterrupt):  # The episodes so far are on the disk.
                record(env, self._config, self._directory.demonstrations, show)

    def _train(self, progress: Progress, say: Say) -> dict[str, Any]:
        with progress.phase("loading torch"):
            from serl_rl.learner.trainer import Trainer

            Trainer.preload(self._config)
        from serl_rl.learner.act_run import ActExperiment, train_act

        files = (self._directory.demonstrations,)
        experiment = ActExperiment(config=self._config, training=self._training, demonstrations=files)
        with self._clock.part("training_s"):
            return {"training": train_act(experiment, self._directory, self._stop, progress, say)}

    def _evaluate(self, env: gymnasium.Env[Any, Any], progress: Progress) -> dict[str, Any]:
        from serl_rl.policies.saved import load_policy
        from serl_rl.visualization.evaluation import watched_evaluation
        from serl_rl.visualization.video import write_video

        checkpoint, count = self._directory.path, self._evaluation_episodes
        policy, _, _ = load_policy(checkpoint)
        with (
            self._clock.part("final_evaluation_s"),
            progress.phase("final evaluation", max(count, self._video_episodes)) as phase,
        ):
            result, film = watched_evaluation(
                env,
                policy,
                checkpoint,
                count,
                FINAL_SEED,
                lambda so_far: report_evaluation(phase, so_far) or self._stop.is_set(),
                film_episodes=self._video_episodes,
            )
        if film is not None and not film.is_empty:
            with progress.phase("writing the video"):
                write_video(film, self._directory.video, film.rate_hz)
        return result_values(result)
