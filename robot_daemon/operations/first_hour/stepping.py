"""Steps the tool by 10 mm and measures the response: time constant, settling, overshoot, error at the end."""

from dataclasses import dataclass

import numpy as np

from robot_daemon.hardware.devices import ArmSample
from robot_daemon.operations.first_hour.bench import Bench
from robot_daemon.operations.first_hour.standing import needs_cartesian
from robot_daemon.operations.first_hour.step import Figure, Outcome, Step
from serl_api.values import FloatArray, Pose

STEP_M = 0.01
"""Length of a step, m."""
RESPONSE_S = 1.5
"""How long a response is recorded, s."""
END_S = 0.25
"""Time at its end over which the error is averaged, s."""
OVERSHOOT_RATIO, ERROR_M, LAG_S = 0.3, 0.003, 0.5
"""Bounds: overshoot as a share of the step, error at the end (friction of a compliant arm) and time to 63 %."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """Describes the response to one step."""

    lag_s: float
    """Time until 63 % of the way, s; infinite where that was not reached."""
    rise_s: float
    """Time from 10 % to 90 %, s; infinite where that was not reached."""
    overshoot_ratio: float
    """Furthest way beyond the goal, as a share of the step."""
    error_m: float
    """Mean distance from the goal along the step's axis at the end, m."""


def step_response(times_s: FloatArray, way_m: FloatArray, step_m: float) -> Response:
    """Describes a response.

    Args:
        times_s: Since the step, rising. Shape (N,).
        way_m: Way along the step at those times. Shape (N,).
        step_m: Length that was asked for.
    """
    share = way_m / step_m
    at_end = times_s >= times_s[-1] - END_S

    def reached(level: float) -> float:
        found = np.flatnonzero(share >= level)
        return float(times_s[found[0]]) if len(found) else float("inf")

    low, high = reached(0.1), reached(0.9)
    return Response(
        lag_s=reached(1.0 - float(np.exp(-1.0))),
        rise_s=high - low if np.isfinite(high) else float("inf"),
        overshoot_ratio=max(0.0, float(share.max()) - 1.0),
        error_m=abs(float(way_m[at_end].mean()) - step_m),
    )


def ten_millimetres(bench: Bench) -> Outcome:
    """Steps along each axis and back."""
    refusal = needs_cartesian(bench)
    if refusal is not None:
        return refusal
    start = bench.state().tcp_pose
    responses: dict[str, Response] = {}
    with bench.session() as session:
        bench.stay(session, start, 0.5)
        for axis, direction in enumerate(bench.inward(start.position)):
            offset = np.zeros(3)
            offset[axis] = direction * STEP_M
            goal = Pose(start.position + offset, start.quaternion_xyzw)
            begun = bench.state()
            with bench.recording() as states:
                bench.stay(session, goal, RESPONSE_S)
            responses["xyz"[axis]] = _response(begun, states, goal.position)
            bench.stay(session, start, RESPONSE_S)
    return _judged(responses)


def _response(begun: ArmSample, states: list[ArmSample], goal: FloatArray) -> Response:
    """Measures along the line from where the tool really was to the goal."""
    line = goal - begun.tcp_pose.position
    length = float(np.linalg.norm(line))
    times_s = np.array([(state.time_ns - begun.time_ns) * 1e-9 for state in states])
    way_m = np.array([(state.tcp_pose.position - begun.tcp_pose.position) @ line / length for state in states])
    return step_response(times_s, way_m, length)


def _judged(responses: dict[str, Response]) -> Outcome:
    lag = max(response.lag_s for response in responses.values())
    overshoot = max(response.overshoot_ratio for response in responses.values())
    error = max(response.error_m for response in responses.values())
    text = (
        f"at worst lag {lag * 1e3:.0f} ms (bound {LAG_S * 1e3:.0f}), overshoot {overshoot:.0%} (bound "
        f"{OVERSHOOT_RATIO:.0%}), error at the end {error * 1e3:.2f} mm (bound {ERROR_M * 1e3:g})"
    )
    figures: dict[str, Figure] = {}
    for axis, response in responses.items():
        figures[f"{axis}_lag_s"] = _rounded(response.lag_s)
        figures[f"{axis}_rise_s"] = _rounded(response.rise_s)
        figures[f"{axis}_overshoot_ratio"] = _rounded(response.overshoot_ratio)
        figures[f"{axis}_error_m"] = round(response.error_m, 6)
    passed = lag <= LAG_S and overshoot <= OVERSHOOT_RATIO and error <= ERROR_M
    return Outcome.judged(text, passed=passed, **figures)


def _rounded(value: float) -> float | None:
    """Rounds; None for what was never reached, because JSON knows no infinity."""
    return round(value, 4) if np.isfinite(value) else None


STEPS = (
    Step(
        name="steps-10mm",
        title="step by 10 mm along each axis",
        run=ten_millimetres,
        motion="the tool jumps by 10 mm along x, y and z towards the middle of the workspace, and back, a second each",
    ),
)
