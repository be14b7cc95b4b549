"""Implements the subcommand that measures a daemon: round trips, period jitter, cameras, state stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from serl_api.progress import QUIET_S, Phase, Progress
from serl_client.cli.measuring import (
    Distribution,
    Figures,
    StepFigures,
    distance_outside,
    document,
    measure_calls,
    measure_steps,
    measure_streams,
)
from serl_client.cli.options import Moving, UsageError, note, say, say_json
from serl_client.robot import RobotClient

_BAR_WIDTH = 50


@dataclass(frozen=True, kw_only=True)
class Bench(Moving):
    """Measure round trips, period jitter, cameras and the state stream. The arm is told to stay where it is."""

    seconds: float = 5.0
    """Length of the step and of the stream measurement, in s."""
    rate: float = 10.0
    """Steps a second."""
    state_rate: float = 100.0
    """States a second that the stream is asked for, in (0, 1000]."""
    read_only: bool = False
    """Do not take control: no steps, only calls and streams."""
    json: bool = False
    """Print JSON."""

    def run(self) -> None:
        """Measures and prints."""
        self._require_sensible()
        with self.connect() as robot:
            steps = None if self.read_only else self._measure_steps(robot)
            calls = measure_calls(robot, min(1.0, self.seconds))
            with _telling(f"listening to states and frames for {self.seconds:g} s"):
                states, cameras = measure_streams(robot, seconds=self.seconds, state_rate_hz=self.state_rate)
            figures = Figures(
                cell=robot.info.cell_name,
                backend=robot.info.backend.name.lower(),
                pacing=robot.info.pacing.name.lower(),
                get_state_round_trip=calls,
                step=steps,
                states=states,
                cameras=cameras,
            )
            if self.json:
                say_json(document(figures))
            else:
                for line in _report(robot, figures):
                    say(line)

    def _require_sensible(self) -> None:
        if not 0.1 <= self.seconds <= 600.0:
            raise UsageError(f"--seconds is {self.seconds:g}; it must be in [0.1, 600]")
        if not 0.0 < self.state_rate <= 1000.0:
            raise UsageError(f"--state-rate is {self.state_rate:g}; it must be in (0, 1000]")

    def _measure_steps(self, robot: RobotClient) -> StepFigures:
        limits = robot.info.limits
        lower, upper = 1.0 / limits.max_period_s, 1.0 / limits.min_period_s
        if not lower <= self.rate <= upper:
            raise UsageError(f"--rate is {self.rate:g}; this cell steps {lower:g} to {upper:g} times a second")
        outside = distance_outside(robot, robot.get_state().tcp_pose)
        if outside:
            raise UsageError(
                f"the tool is outside the workspace ({outside}), so a step would move it; "
                "move it inside first, or say --read-only"
            )
        self.confirm(robot, "be controlled, with its present pose as the target")
        note(f"stepping in place for {self.seconds:g} s")
        with robot.control() as session, _telling(f"stepping in place for {self.seconds:g} s"):
            return measure_steps(
                robot, session, rate_hz=self.rate, seconds=self.seconds, cameras=list(robot.info.cameras)
            )


def _telling(name: str) -> AbstractContextManager[Phase]:
    """Shows a phase by lines alone: to draw four times a second would be measured as well."""
    return Progress(say=note, tick_s=QUIET_S).phase(name)


def _report(robot: RobotClient, figures: Figures) -> Iterator[str]:
    calls, steps, states = figures.get_state_round_trip, figures.step, figures.states
    yield f"{figures.cell} at {robot.address}, {figures.backend}, {figures.pacing}"
    yield f"{'':<34}{'p50':>12}{'p99':>12}{'max':>12}{'count':>8}"
    yield _row("GetState round trip", calls)
    if steps is not None:
        yield from _step_rows(steps)
    yield _row("gap between states", states.gap)
    yield f"  {states.rate_hz:.1f} of {states.asked_hz:g} states/s, {states.repeated} repeated"
    for name, camera in figures.cameras.items():
        yield _row(f"age of a frame of {name}", camera.age)
        yield f"  {camera.rate_hz:.1f} of {camera.nominal_rate_hz:g} frames/s, {camera.lost} lost"
    silent = [name for name in robot.info.cameras if name not in figures.cameras]
    if silent:
        yield f"  no frames by themselves: {', '.join(silent)}"
    yield from _histogram("GetState round trip", calls)
    if steps is not None:
        jitter = steps.period_error
        yield from _histogram("period error", jitter) if jitter.count else _histogram("Step", steps.round_trip)


def _step_rows(steps: StepFigures) -> Iterator[str]:
    yield _row("Step, request to answer", steps.round_trip)
    if steps.period_error.count:
        yield _row("request to target applied", steps.request_to_applied)
        yield _row("period error, magnitude", steps.period_error_magnitude)
        yield f"  {steps.late_ticks} of {steps.count} ticks late, by at most {steps.worst_overrun_ms:.2f} ms"
    for sensor, offset in steps.offsets.items():
        yield _row(f"offset of {sensor}", offset)
    yield f"  {steps.synchronized_ratio:.1%} of observations synchronised"


def _row(name: str, values: Distribution) -> str:
    if values.count == 0:
        return f"{name:<34}{'none':>12}"
    numbers = (values.quantile(0.5), values.quantile(0.99), float(values.values.max()))
    return f"{name:<34}" + "".join(f"{number:>9.3f} {values.unit}" for number in numbers) + f"{values.count:>8}"


def _histogram(name: str, values: Distribution) -> Iterator[str]:
    counts, edges = values.histogram()
    if len(counts) == 0:
        return
    yield f"\n{name} ({values.unit}); the last row holds all above"
    for count, lower in zip(counts.tolist(), edges.tolist(), strict=False):
        bar = "█" * round(_BAR_WIDTH * count / max(counts.max(), 1.0))
        yield f"{lower:>9.3f} {int(count):>6} {bar or ('▏' if count else '')}"
