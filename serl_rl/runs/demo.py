"""Runs the demo: simulator, learner and actor as separate processes, from nothing to a trained policy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import gymnasium
from serl.learner.v1 import learner_service_pb2 as pb

from serl_api.lifetime.child_process import ChildProcess, python_command
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.envs.evaluation import EvaluationResult, report_evaluation, result_values
from serl_rl.envs.factory import RobotConfig, make_environment, simulator_scene, spec_of
from serl_rl.monitoring.metrics import MetricsRow, MetricsTail, read_metrics
from serl_rl.runs.dashboard import Dashboard
from serl_rl.runs.live_view import LiveView
from serl_rl.runs.optional_output import draw_curves, write_film
from serl_rl.runs.supervisor import Supervisor

if TYPE_CHECKING:
    from serl_rl.visualization.episode_video import EpisodeVideo

_POLL_S = 0.25
FINAL_SEED = 500_000
"""Seed of the first episode of a final evaluation."""
_LEAVE_S = 30.0


@dataclass
class PhaseClock:
    """Measures the wall time of each part of a run."""

    start_s: float = field(default_factory=time.monotonic)
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds by part."""

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measures a block."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = round(time.monotonic() - start, 2)

    @property
    def elapsed_s(self) -> float:
        """Returns the seconds since the beginning."""
        return time.monotonic() - self.start_s


class Demo:
    """Runs the demonstration.

    Args:
        config: The experiment.
        directory: Folder of the run, empty.
        evaluation_episodes: Episodes of the final evaluation; 0 for none.
        video_episodes: Episodes in the video; 0 for none.
        stop: Ends the run early; everything is drained and saved.
    """

    def __init__(
        self,
        config: TrainConfig,
        directory: RunDirectory,
        evaluation_episodes: int,
        video_episodes: int,
        stop: StopSignal,
    ) -> None:
        self._config = config
        self._directory = directory
        self._evaluation_episodes = evaluation_episodes
        self._video_episodes = video_episodes
        self._stop = stop
        self._clock = PhaseClock()
        self._supervisor = Supervisor({"": config}, directory, "demo", stop)
        self._result: EvaluationResult | None = None
        self._film: EpisodeVideo | None = None

    def run(self) -> bool:
        """Runs everything; returns whether the target was reached.

        Raises:
            RunError: A process failed; its last words are quoted.
        """
        self._directory.logs.mkdir(parents=True, exist_ok=True)
        with Dashboard(self._directory.path.name, self._config) as dashboard:
            try:
                write_json(self._directory.config, to_dict(self._config))
                self._pretrain(dashboard)
                write_json(self._directory.config, to_dict(self._config))  # Now with the weights, if they are new.
                self._start(dashboard)
                if not self._stop.is_set():
                    with self._clock.part("training_s"):
                        self._follow(dashboard)
                self._supervisor.drain()
                if not self._stop.is_set():
                    self._evaluate(dashboard)
            finally:
                self._supervisor.stop()
            self._report(dashboard)
        return reached_row(read_metrics(self._directory.path), self._config) is not None

    def _pretrain(self, dashboard: Dashboard) -> None:
        """Makes the weights of the frozen backbone, where none are given."""
        vision = self._config.vision
        backbone = vision.encoder.backbone
        if not self._config.pretrain_encoder or backbone.weights is not None or self._stop.is_set():
            return
        dashboard.note(f"pretraining the backbone {backbone.name} on pictures of the simulator")
        weights = self._directory.encoder.resolve()
        settings = {f"pretraining.{name}": value for name, value in asdict(self._config.pretraining).items()}
        command = python_command("serl_rl", "pretrain-encoder", output=weights, backbone=backbone.name, **settings)
        with self._clock.part("pretraining_s"), dashboard.phase("pretraining the backbone") as phase:
            child = ChildProcess("pretraining", command, self._directory.logs / "pretraining.log", threads=None)
            phase.report(note=child.last_words)
            try:
                while child.poll() is None and not self._stop.wait(_POLL_S):
                    pass
            finally:
                child.stop(_LEAVE_S)
        if self._stop.is_set():
            return
        child.check()
        encoder = replace(vision.encoder, backbone=replace(backbone, weights=weights))
        self._config = replace(self._config, vision=replace(vision, encoder=encoder))
        dashboard.note(f"pretrained in {self._clock.parts['pretraining_s']:.0f} s: {weights}")

    def _start(self, dashboard: Dashboard) -> None:
        """Starts the processes; compiling, the simulator's start and recording overlap."""
        self._supervisor.start_learner("")
        if simulator_scene(self._config.environment) is not None:
            dashboard.note("starting the simulator")
        with self._clock.part("simulator_start_s"), dashboard.phase("starting the simulator"):
            self._supervisor.start_simulator()
        if self._stop.is_set():
            return
        with self._clock.part("demonstrations_s"):
            environment = self._config.environment
            with contextlib.closing(make_environment(environment, RobotConfig(robot=self._supervisor.robot))) as env:
                prepare_learner(self._supervisor, "", env, self._config, dashboard)
        if not self._stop.is_set():
            with dashboard.phase("waiting for the learner"):
                self._supervisor.start_actor()
            dashboard.note("compiling the update, then training")

    def _follow(self, dashboard: Dashboard) -> None:
        """Shows progress until the learner is done."""
        tail = MetricsTail(self._directory.path)
        with contextlib.ExitStack() as until_first_row:
            until_first_row.enter_context(dashboard.phase("compiling the update"))
            while self._supervisor.is_training() and not self._stop.wait(_POLL_S):
                self._supervisor.check()
                for row in tail.read_new():
                    until_first_row.close()
                    dashboard.show(row, pb.PHASE_TRAINING if row.critic_updates else pb.PHASE_WARM_UP)
                dashboard.show_activity(self._supervisor.evaluation_of_actor())
        dashboard.show_activity("")
        for row in tail.read_new():
            dashboard.show(row)

    def _evaluate(self, dashboard: Dashboard) -> None:
        from serl_rl.policies.saved import load_policy
        from serl_rl.visualization.evaluation import watched_evaluation

        checkpoint = self._directory.path
        policy, config, _ = load_policy(checkpoint)
        count, stop = self._evaluation_episodes, self._stop
        env = make_environment(config.environment, RobotConfig(robot=self._supervisor.robot))
        with contextlib.closing(env), self._clock.part("final_evaluation_s"):
            dashboard.note(f"evaluating the checkpoint in {count} episodes")
            with dashboard.phase("final evaluation", max(count, self._video_episodes)) as phase:
                self._result, film = watched_evaluation(
                    env,
                    policy,
                    checkpoint,
                    count,
                    FINAL_SEED,
                    lambda result: report_evaluation(phase, result) or stop.is_set(),
                    film_episodes=self._video_episodes,
                )
        self._film = film

    def _report(self, dashboard: Dashboard) -> None:
        """Writes the result, then what can be done without: curves and video."""
        rows = read_metrics(self._directory.path)
        write_json(self._directory.result, self._values(rows))
        if len(rows) > 1:
            with dashboard.phase("drawing the curves"):
                draw_curves(self._directory, self._directory.path.name, dashboard.note)
        if self._film is not None and not self._film.is_empty:
            with dashboard.phase("writing the video"):
                write_film(self._film, self._directory.video, dashboard.note)
        dashboard.note(self._last_sentence())

    def _values(self, rows: list[MetricsRow]) -> dict[str, Any]:
        return {
            "seed": self._config.seed,
            **training_figures(rows, self._config, self._result),
            "wall_time_s": round(self._clock.elapsed_s, 2),
            "wall_time_to_target_s": self._time_to_target(),
            "parts_s": self._clock.parts,
        }

    def _time_to_target(self) -> float:
        """Sums the seconds from the command to the end of training: pretraining, start, demonstrations, training."""
        names = ("pretraining_s", "simulator_start_s", "demonstrations_s", "training_s")
        return round(sum(self._clock.parts.get(name, 0.0) for name in names), 2)

    def _last_sentence(self) -> str:
        where = f"everything is in {self._directory.path}"
        if self._stop.is_set():
            return f"stopped; {where}"
        result = self._result
        success = f"{result.success_count} of {result.episode_count} evaluation episodes succeed; " if result else ""
        return f"{success}{self._clock.elapsed_s:.0f} s in all; {where}"


def prepare_learner(
    supervisor: Supervisor, name: str, env: gymnasium.Env[Any, Any], config: TrainConfig, view: LiveView
) -> None:
    """Tells a learner its environment, and records demonstrations while it compiles.

    Args:
        supervisor: Has started the learner.
        name: Of the learner.
        env: Its environment.
        config: Its experiment.
        view: Shows how far it is.
    """
    from serl_rl.demonstrations.scripted import record
    from serl_rl.protocol.spec_file import write_spec

    write_spec(supervisor.spec_path(name), spec_of(env, config.environment))
    if count := config.demonstration_count:
        view.note(f"recording {count} scripted demonstrations {name}".rstrip())
        with view.phase(f"recording {name or 'demonstrations'}", count) as phase:
            path = supervisor.directory_of(name).demonstrations
            record(env, config, path, lambda progress: phase.report(progress.recorded))


def training_figures(rows: list[MetricsRow], config: TrainConfig, result: EvaluationResult | None) -> dict[str, Any]:
    """Returns when training reached its target, how long it went on, and the final evaluation, as JSON values."""
    reached, last = reached_row(rows, config), rows[-1] if rows else None
    return {
        "reached_target": reached is not None,
        "env_steps_to_target": reached.env_steps if reached else None,
        "training_s_to_target": reached.wall_time_s if reached else None,
        "env_steps": last.env_steps if last else 0,
        "critic_updates": last.critic_updates if last else 0,
        "final_evaluation": result_values(result) if result else None,
    }


def reached_row(rows: list[MetricsRow], config: TrainConfig) -> MetricsRow | None:
    """Finds the first row whose evaluation reached the target; None if none did."""
    for row in rows:
        successes = round(row.evaluation_success * row.evaluation_episodes) if row.evaluation_episodes else 0
        if config.evaluation.is_reached(successes, row.evaluation_episodes):
            return row
    return None
