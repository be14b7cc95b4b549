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
from serl_rl.cli.evaluated_policy import EvaluatedPolicy, remote_policy, saved_policy
from serl_rl.cli.options import RerunTarget, print_json, say
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationResult, report_evaluation, result_values
from serl_rl.envs.factory import RobotConfig
from serl_rl.envs.patience import Patience
from serl_rl.errors import RemotePolicyError, UsageError
from serl_rl.policies.remote.config import RemoteExecution, RemotePolicyConfig
from serl_rl.rewards.classifier.config import ClassifierRewardConfig

if TYPE_CHECKING:
    import gymnasium

    from serl_rl.envs.evaluation import Acting
    from serl_rl.visualization.episode_video import EpisodeVideo

DEFAULT_SEED = 500_000
COMPLETE, STOPPED = "complete", "stopped"
"""Why an evaluation ended, as the result says; anything else is the error that ended it."""


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Evaluate a checkpoint's policy, or one of another process, deterministically; print its success rate as JSON.

    Where the arm cannot be driven, it says why and waits. Ctrl-C ends it after the episode under way, with the result
    of those that are over; "ended" in the result says why it ended.

    Try:
    serl-train evaluate --checkpoint runs/pick-cube --episodes 100

    serl-train evaluate --checkpoint runs/cube --own-reward

    serl-train evaluate --checkpoint runs/pick-cube --episodes 5 --video policy.mp4 --output-json result.json

    serl-train evaluate --checkpoint runs/pick-cube/checkpoint --robot robot-pc:50051 --episodes 10 --rerun policy.rrd

    serl-train evaluate --checkpoint runs/act --robot robot-pc:50051 --chunks real-time

    serl-train evaluate --policy lerobot:outputs/act/pretrained_model --environment.id serl/PickCubeVision-v0

    serl-train evaluate --policy openpi:gpu-pc:8000 --observation-keys state=state --instruction "lift the cube"
    """

    checkpoint: Path | None = None
    """A checkpoint, or the folder of a run."""
    policy: str | None = None
    """In place of a checkpoint: lerobot:FOLDER, a policy that LeRobot saved, or openpi:HOST:PORT, a policy server."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    """What such a policy is evaluated in; a checkpoint says it itself."""
    reach: Annotated[RemotePolicyConfig, tyro.conf.arg(name="")] = field(default_factory=RemotePolicyConfig)
    """How such a policy is reached."""
    instruction: str = ""
    """What such a policy is told to do, in words."""
    observation_keys: tuple[str, ...] = ()
    """Names that a policy server has for what is observed, such as front=observation/image; all others are
    observation/NAME."""
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
    """Steps of a chunk that such a policy, or one of another process, executes; 0 for all."""
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
        self._check()
        stop, progress = StopSignal().install(), Progress()
        with contextlib.ExitStack() as stack:
            with progress.phase("loading the policy"):
                subject = stack.enter_context(self._subject(stop))
            return self._report(subject, stop, progress)

    def _report(self, subject: EvaluatedPolicy, stop: StopSignal, progress: Progress) -> int:
        """Evaluates, and writes what came out."""
        from serl_rl.envs.factory import make_environment
        from serl_rl.visualization.video import write_video

        environment = with_own_reward(subject.environment) if self.own_reward else subject.environment
        environment = with_wrappers(environment, self.added_wrappers)
        with progress.phase("opening the environment"):
            env = make_environment(environment, self.robot)
        with contextlib.closing(env):
            policy = subject.make(env, environment)
            result, film, ended = self._evaluate(env, policy, subject, stop, progress)
        report = {**result_values(result), **subject.facts, "ended": ended}
        print_json(report)
        if self.output_json is not None:
            self._write(self.output_json, report | self._details(result, subject))
        if self.video is not None and film is not None and not film.is_empty:
            with progress.phase("writing the video"):
                written = write_video(film, self.video, film.rate_hz)
            say(f"video: {written}")
        return 0 if ended in (COMPLETE, STOPPED) else 1

    def _subject(self, stop: StopSignal) -> contextlib.AbstractContextManager[EvaluatedPolicy]:
        if self.checkpoint is not None:
            return contextlib.nullcontext(saved_policy(self.checkpoint, self._executed))
        assert self.policy is not None
        execution = RemoteExecution(
            instruction=self.instruction,
            observation_keys=self.observation_keys,
            executed_steps=self.executed_steps or 0,
        )
        return remote_policy(self.policy, self.environment, self.reach, execution, stop)

    def _evaluate(
        self,
        env: gymnasium.Env[Any, Any],
        policy: Acting,
        subject: EvaluatedPolicy,
        stop: StopSignal,
        progress: Progress,
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
                    subject.critics,
                    self.episodes,
                    self.evaluation_seed,
                    note,
                    Patience(stop, progress),
                    film_episodes=film_episodes,
                    overlay=self.overlay,
                    rerun=self.rerun,
                    name=subject.name,
                )
        except (RobotError, RemotePolicyError) as error:
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
        if (self.checkpoint is None) == (self.policy is None):
            given = "neither" if self.policy is None else "both"
            raise UsageError(f"{given} of --checkpoint and --policy are given; give one of them")
        if self.checkpoint is not None and self.environment != EnvironmentConfig():
            raise UsageError("--environment is for --policy; a checkpoint is evaluated in what it was trained in")
        if self.policy is not None and self.chunks is not None:
            raise UsageError("--chunks is for policies of act; a policy of another process is asked at the end of each")
        for option, path in (("--output-json", self.output_json), ("--video", self.video)):
            if path is not None:
                make_folder_of(path, option)

    def _details(self, result: EvaluationResult, subject: EvaluatedPolicy) -> dict[str, Any]:
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
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint),
            "environment": subject.environment.id,
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
