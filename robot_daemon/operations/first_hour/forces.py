"""Measures the forces that the arm feels where nothing touches it: their bias, and what they say of the payload."""

from dataclasses import dataclass

import numpy as np

from robot_daemon.operations.checks.device_check import REST_FORCE_N
from robot_daemon.operations.first_hour.bench import SETTLE_S, Bench
from robot_daemon.operations.first_hour.standing import needs_cartesian
from robot_daemon.operations.first_hour.step import Outcome, Step
from serl_api.rotation import from_rotvec, multiply
from serl_api.values import FloatArray, Pose

POSES = 20
"""Places at which the bias is measured."""
PAYLOAD_POSES = 5
"""Places at which the payload is."""
AROUND_M, TILT_RAD = 0.05, 0.3
"""How far these lie from where the arm stands, m and rad along each axis."""
LISTEN_S = 0.5
"""How long forces are averaged at each, s."""
PAYLOAD_KG = 0.2
"""Error of the payload that passes, kg."""
GRAVITY = 9.81


@dataclass(frozen=True, eq=False)
class Felt:
    """Holds the mean wrench at each of some poses."""

    wrenches: FloatArray
    """Shape (N, 6), N and Nm, in base."""
    spread_n: float
    """Largest standard deviation of a component of the force at one pose, N."""


def force_bias(bench: Bench) -> Outcome:
    """Feels the force at many poses around the present one."""
    felt = _felt(bench, POSES)
    if isinstance(felt, Outcome):
        return felt
    forces = np.linalg.norm(felt.wrenches[:, :3], axis=1)
    text = (
        f"over {POSES} poses the force is {forces.mean():.2f} N in the mean, {forces.max():.2f} N at most (bound "
        f"{REST_FORCE_N:g}), with a noise of {felt.spread_n:.2f} N"
    )
    return Outcome.judged(
        text,
        passed=bool(forces.max() < REST_FORCE_N),
        poses=POSES,
        mean_force_n=round(float(forces.mean()), 3),
        largest_force_n=round(float(forces.max()), 3),
        largest_torque_nm=round(float(np.linalg.norm(felt.wrenches[:, 3:], axis=1).max()), 3),
        noise_n=round(felt.spread_n, 3),
    )


def payload(bench: Bench) -> Outcome:
    """Takes the mean vertical force for the weight that nobody told the arm of, or that it was told of wrongly."""
    felt = _felt(bench, PAYLOAD_POSES)
    if isinstance(felt, Outcome):
        return felt
    error_kg = -float(felt.wrenches[:, 2].mean()) / GRAVITY
    text = f"the arm carries {error_kg:+.3f} kg more than it was told (bound {PAYLOAD_KG:g})"
    passed = abs(error_kg) < PAYLOAD_KG
    if not passed:
        text += "; set mass and centre of mass of what it carries, in Desk or as load in the table [arm]"
    return Outcome.judged(text, passed=passed, poses=PAYLOAD_POSES, payload_error_kg=round(error_kg, 4))


def _felt(bench: Bench, count: int) -> Felt | Outcome:
    refusal = needs_cartesian(bench) or needs_forces(bench)
    if refusal is not None:
        return refusal
    start = bench.state().tcp_pose
    means, spread = [], 0.0
    with bench.session() as session:
        for _ in range(count):
            goal = _near(bench, start)
            bench.move(session, goal)
            bench.stay(session, goal, SETTLE_S)
            with bench.recording() as states:
                bench.stay(session, goal, LISTEN_S)
            wrenches = np.array([state.external_wrench for state in states])
            means.append(wrenches.mean(axis=0))
            spread = max(spread, float(wrenches[:, :3].std(axis=0).max()))
        bench.move(session, start)
    return Felt(np.array(means), spread)


def _near(bench: Bench, start: Pose) -> Pose:
    """Draws a pose near another one, within the workspace."""
    position = bench.within(start.position + bench.rng.uniform(-AROUND_M, AROUND_M, 3))
    turn = bench.rng.uniform(-TILT_RAD, TILT_RAD, 3)
    x, y, z, w = start.quaternion_xyzw.tolist()
    quaternion = np.array(multiply(from_rotvec((turn[0], turn[1], turn[2])), (x, y, z, w)))
    clipped, _ = bench.core.active_cell.limits.clip_tcp(Pose(position, quaternion), bench.state())
    return clipped


def needs_forces(bench: Bench) -> Outcome | None:
    """Returns that a step is not applicable where the driver estimates no forces."""
    state = bench.state()
    if state.external_joint_torques is None and not state.external_wrench.any():
        return Outcome.not_applicable("this arm's driver estimates no external forces")
    return None


_AROUND = (
    f"the tool goes to places up to {AROUND_M * 1e2:g} cm along each axis from where it is, turned by up to "
    f"{TILT_RAD:g} rad, at 5 cm/s at most, and back"
)
STEPS = (
    Step(name="force-bias", title=f"feel forces at {POSES} poses", run=force_bias, motion=_AROUND),
    Step(name="payload", title="compare the payload with the weight that is felt", run=payload, motion=_AROUND),
)
