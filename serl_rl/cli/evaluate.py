"""`serl-train evaluate`: success rate of a checkpoint's policy, a video, and a recording for the rerun viewer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from serl_api.errors.robot import RobotError
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.plugins import PluginError
from serl_api.progress import Progress
from serl_api.settings import AT_LEAST_0, AT_LEAST_1, SEED, check_fields
from serl_client.wrappers.plugin import find_wrappers
from serl_rl.algorithms.act.config import ActConfig, ExecutionMode
from serl_rl.artifacts.run_directory import make_folder_of, write_json
from serl_rl.cli.options import RerunTarget, print_json, say
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationResult, report_evaluation, result_values
from serl_rl.envs.factory import RobotConfig
from serl_rl.envs.patience import Patience
from serl_rl.errors import UsageError
from serl_rl.rewards.classifier.config import ClassifierRewardConfig

if TYPE_CHECKING:
    import gymnasium

    from serl_rl.algorithms.algorithm import RunnablePolicy
    from serl_rl.visualization.episode_video import EpisodeVideo

DEFAULT_SEED = 500_000
COMPLETE, STOPPED = "complete", "stopped"
"""Why an evaluation ended, as the result says; anything else is the error that ended it."""


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Evaluate the policy of a checkpoint, deterministically, and print its success rate as JSON.

    Where the arm cannot be driven, it says why and waits. Ctrl-C ends it after the episode under way, with the result
    of those that are over; "ended" in the result says why it ended.

    Try:
    serl-train evaluate --checkpoint runs/pick-cube --episodes 100

    serl-train evaluate --checkpoint runs/cube --own-reward

    serl-train evaluate --checkpoint runs/pick-cube --episodes 5 --video policy.mp4 --output-json result.json

    serl-train evaluate --checkpoint runs/pick-cube/checkpoint --robot robot-pc:50051 --episodes 10 --rerun policy.rrd

    serl-train evaluate --checkpoint runs/act --robot robot-pc:50051 --chunks real-time
    """

    checkpoint: Path
    """A checkpoint, or the folder of a run."""
    episodes: Annotated[int, AT_LEAST_1] = 100
    """Number of episodes."""
    evaluation_seed: Annotated[int, SEED] = DEFAULT_SEED
    """Seed of the first episode; the others count up."""
    robot: Annotated[RobotConfig, tyro.conf.arg(name="")] = field(default_factory=RobotConfig)
    """Which daemon drives the arm."""
    own_reward: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Judge by the simulator's own reward in place of the classifier that the policy was trained with."""
    chunks: ExecutionMode | None = None
    """How a policy of act executes its chunks, in place of how it was trained to."""
    executed_steps: Annotated[int | None, AT_LEAST_0] = None
    """Steps of a chunk that such a policy executes; 0 for all."""
    added_wrappers: tuple[str, ...] = ()
    """Wrappers beside those it was trained with, innermost, such as reality-gap,observation_delay_s=0.06; only such as
    leave observations and actions what they are."""
    output_json: Path | None = None
    """File for the result, with every episode's seed, outcome, return and length."""
    video: Path | None = None
    """MP4 file to write."""
    video_episodes: Annotated[int, AT_LEAST_1] = 5
    """Episodes in the video: the first ones that are evaluated."""
    overlay: bool = True
    """Whether the video shows values, actions, probabilities and rewards under the pictures."""
    rerun: RerunTarget = None

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def run(self) -> int:
        """Evaluates."""
        from serl_rl.envs.factory import make_environment, share_maps, spec_of
        from serl_rl.policies.saved import check_environment, load_policy
        from serl_rl.visualization.video import write_video

        self._check()
        stop, progress = StopSignal().install(), Progress()
        with progress.phase("loading the policy"):
            policy, config, manifest = load_policy(self.checkpoint, self._executed)
        environment = with_own_reward(config.environment) if self.own_reward else config.environment
        environment = with_wrappers(environment, self.added_wrappers)
        with progress.phase("opening the environment"):
            env = make_environment(environment, self.robot)
        share_maps(env, policy)
        with contextlib.closing(env):
            check_environment(self.checkpoint, manifest, spec_of(env, environment))
            result, film, ended = self._evaluate(env, policy, stop, progress)
        report = result_values(result) | {name: manifest[name] for name in ("policy_version", "env_steps")}
        report["ended"] = ended
        print_json(report)
        if self.output_json is not None:
            self._write(self.output_json, report | self._details(result, config))
        if self.video is not None and film is not None and not film.is_empty:
            with progress.phase("writing the video"):
                written = write_video(film, self.video, film.rate_hz)
            say(f"video: {written}")
        return 0 if ended in (COMPLETE, STOPPED) else 1

    def _evaluate(
        self, env: gymnasium.Env[Any, Any], policy: RunnablePolicy, stop: StopSignal, progress: Progress
    ) -> tuple[EvaluationResult, EpisodeVideo | None, str]:
        """Returns the result, the film, and why it ended; an error loses no episode that was over."""
        from serl_rl.visualization.evaluation import watched_evaluation

        film_episodes = self.video_episodes if self.video is not None else 0
        kept = EvaluationResult(())

        def note(so_far: EvaluationResult) -> bool:
            nonlocal kept
            kept = so_far.first(self.episodes)
            return report_evaluation(phase, so_far) or stop.is_set()

        try:
            with progress.phase("evaluating", max(self.episodes, film_episodes)) as phase:
                result, film = watched_evaluation(
                    env,
                    policy,
                    self.checkpoint,
                    self.episodes,
                    self.evaluation_seed,
                    note,
                    Patience(stop, progress),
                    film_episodes=film_episodes,
                    overlay=self.overlay,
                    rerun=self.rerun,
                )
        except RobotError as error:
            if not kept.episode_count:
                raise
            return kept, None, str(error)
        return result, film, COMPLETE if result.episode_count == self.episodes else STOPPED

    def _executed(self, config: TrainConfig) -> TrainConfig:
        """Returns an experiment whose chunks are executed as the options say."""
        chosen = {"mode": self.chunks, "executed_steps": self.executed_steps}
        changes = {name: value for name, value in chosen.items() if value is not None}
        if not changes:
            return config
        if not isinstance(config.algorithm_config, ActConfig):
            raise UsageError(
                f"--chunks and --executed-steps are for policies of act, but {self.checkpoint} is of "
                f"{config.algorithm}; leave them away"
            )
        execution = replace(config.algorithm_config.execution, **changes)
        return replace(config, algorithm_config=replace(config.algorithm_config, execution=execution))

    def _write(self, path: Path, values: dict[str, Any]) -> None:
        try:
            write_json(path, values)
        except OSError as error:
            raise UsageError(f"cannot write {path} ({error.strerror}); the result without episodes is above") from error

    def _check(self) -> None:
        """Refuses what cannot work before the arm moves."""
        for option, path in (("--output-json", self.output_json), ("--video", self.video)):
            if path is not None:
                make_folder_of(path, option)

    def _details(self, result: EvaluationResult, config: TrainConfig) -> dict[str, Any]:
        episodes = [
            {
                "seed": self.evaluation_seed + index,
                "success": outcome.success,
                "return": outcome.episode_return,
                "steps": outcome.step_count,
            }
            for index, outcome in enumerate(result.outcomes)
        ]
        return {
            "checkpoint": str(self.checkpoint),
            "environment": config.environment.id,
            "evaluation_seed": self.evaluation_seed,
            "outcomes": episodes,
        }


def with_own_reward(config: EnvironmentConfig) -> EnvironmentConfig:
    """Returns the same environment without a classifier: its task says what a success is."""
    return replace(config, reward="sparse", classifier=ClassifierRewardConfig())


def with_wrappers(config: EnvironmentConfig, added: tuple[str, ...]) -> EnvironmentConfig:
    """Returns the same environment with further wrappers, innermost.

    Raises:
        UsageError: There is no such wrapper, or it changes what a policy sees or does.
    """
    try:
        chosen = find_wrappers(added)
    except PluginError as error:
        raise UsageError(f"--added-wrappers: {error}") from None
    for wrapper in chosen:
        if not wrapper.plugin.keeps_spaces:
            raise UsageError(
                f"--added-wrappers {wrapper.text} changes observations or actions, so that the policy does not fit; "
                "train with it instead"
            )
    return replace(config, wrappers=(*added, *config.wrappers))
