"""Trains a task pair, from nothing to two policies that set the scene for each other."""

from __future__ import annotations

import contextlib
from typing import Any

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.envs.evaluation import EvaluationResult, evaluate, report_evaluation
from serl_rl.envs.factory import RobotConfig, make_environment
from serl_rl.monitoring.metrics import MetricsTail, read_metrics
from serl_rl.runs.demo import FINAL_SEED, PhaseClock, prepare_learner, reached_row, training_figures
from serl_rl.runs.forward_backward.dashboard import PairDashboard
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, Direction, pair_environments, task_pair_of
from serl_rl.runs.optional_output import draw_curves
from serl_rl.runs.supervisor import Supervisor

_POLL_S = 0.25


class PairTraining:
    """Trains two opposite tasks at once.

    Args:
        config: The forward experiment; the backward one is the same on the opposite task.
        directory: Folder of the run, empty.
        evaluation_episodes: Episodes of the final evaluation of each policy; 0 for none.
        stop: Ends the run early; everything is drained and saved.

    Raises:
        UsageError: No task undoes that of the experiment.
    """

    def __init__(
        self, config: TrainConfig, directory: RunDirectory, evaluation_episodes: int, stop: StopSignal
    ) -> None:
        self._task_pair = task_pair_of(config)
        self._directory = directory
        self._evaluation_episodes = evaluation_episodes
        self._stop = stop
        self._clock = PhaseClock()
        configs = {direction: self._task_pair.of(direction) for direction in DIRECTIONS}
        self._supervisor = Supervisor(configs, directory, "pair", stop)
        self._results: dict[Direction, EvaluationResult] = {}

    def run(self) -> bool:
        """Runs everything; returns whether both policies reached the target.

        Raises:
            RunError: A process failed; its last words are quoted.
        """
        with PairDashboard(self._directory.path.name) as dashboard:
            try:
                self._start(dashboard)
                with self._clock.part("training_s"):
                    self._follow(dashboard)
                self._supervisor.drain()
                if not self._stop.is_set():
                    self._evaluate(dashboard)
            finally:
                self._supervisor.stop()
            self._report(dashboard)
        return all(self._has_reached(direction) for direction in DIRECTIONS)

    def _start(self, dashboard: PairDashboard) -> None:
        """Starts the processes; compiling, the simulator's start and recording overlap."""
        for direction in DIRECTIONS:
            directory = self._supervisor.directory_of(direction)
            directory.logs.mkdir(parents=True)
            write_json(directory.config, to_dict(self._task_pair.of(direction)))
            self._supervisor.start_learner(direction)
        with self._clock.part("simulator_start_s"), dashboard.phase("starting the simulator"):
            self._supervisor.start_simulator()
        if self._stop.is_set():
            return
        robot = RobotConfig(robot=self._supervisor.robot)
        with self._clock.part("demonstrations_s"), pair_environments(self._task_pair, robot) as envs:
            for direction, env in envs.items():
                prepare_learner(self._supervisor, direction, env, self._task_pair.of(direction), dashboard)
                env.get_wrapper_attr("release")()
        if not self._stop.is_set():
            with dashboard.phase("waiting for the learners"):
                self._supervisor.start_actor()
            dashboard.note("compiling the updates, then training")

    def _follow(self, dashboard: PairDashboard) -> None:
        """Shows progress until both learners are done; restarts what is killed."""
        tails: dict[Direction, MetricsTail] = {
            direction: MetricsTail(self._supervisor.directory_of(direction).path) for direction in DIRECTIONS
        }
        with contextlib.ExitStack() as until_first_row:
            until_first_row.enter_context(dashboard.phase("compiling the updates"))
            while not self._stop.is_set() and self._supervisor.is_training():
                self._stop.wait(_POLL_S)
                for name in self._supervisor.restart_killed():
                    dashboard.note(f"the {name} was killed and goes on")
                for direction, tail in tails.items():
                    for row in tail.read_new():
                        until_first_row.close()
                        dashboard.show(direction, row)

    def _evaluate(self, dashboard: PairDashboard) -> None:
        """Measures each checkpoint in scenes drawn for its task."""
        from serl_rl.policies.saved import load_policy

        stop, robot = self._stop, RobotConfig(robot=self._supervisor.robot)
        with self._clock.part("final_evaluation_s"):
            for direction in DIRECTIONS:
                policy, config, _ = load_policy(self._supervisor.directory_of(direction).path)
                dashboard.note(f"evaluating {direction} in {self._evaluation_episodes} episodes")
                env = make_environment(config.environment, robot)
                count = self._evaluation_episodes
                with contextlib.closing(env), dashboard.phase(f"final evaluation {direction}", count) as phase:
                    self._results[direction] = evaluate(
                        env,
                        policy,
                        count,
                        FINAL_SEED,
                        lambda result, phase=phase: report_evaluation(phase, result) or stop.is_set(),
                    )

    def _report(self, dashboard: PairDashboard) -> None:
        """Writes the result, then the curves, which can be missing."""
        values = {direction: self._values(direction) for direction in DIRECTIONS}
        write_json(
            self._directory.result,
            {
                "seed": self._task_pair.forward.seed,
                "wall_time_s": round(self._clock.elapsed_s, 2),
                "parts_s": self._clock.parts,
                **values,
            },
        )
        for direction in DIRECTIONS:
            directory = self._supervisor.directory_of(direction)
            if len(read_metrics(directory.path)) > 1:
                draw_curves(directory, f"{self._directory.path.name} {direction}", dashboard.note)
        dashboard.note(self._last_sentence())

    def _has_reached(self, direction: Direction) -> bool:
        rows = read_metrics(self._supervisor.directory_of(direction).path)
        return reached_row(rows, self._task_pair.of(direction)) is not None

    def _values(self, direction: Direction) -> dict[str, Any]:
        config = self._task_pair.of(direction)
        rows = read_metrics(self._supervisor.directory_of(direction).path)
        return {"environment": config.environment.id, **training_figures(rows, config, self._results.get(direction))}

    def _last_sentence(self) -> str:
        where = f"everything is in {self._directory.path}"
        if self._stop.is_set():
            return f"stopped; {where}"
        outcomes = [
            f"{direction} {result.success_count} of {result.episode_count}"
            for direction, result in self._results.items()
        ]
        return f"evaluation episodes that succeed: {', '.join(outcomes)}; {self._clock.elapsed_s:.0f} s in all; {where}"
