"""Speed of an arm that is asked for 0.25 m/s in increments at 10 Hz, before 0 to 3 cameras, in real time.

The simulated arm behind a real daemon; cameras as in `benchmarks.soft_sync`, which make observations older. An
increment is added to the pose of the observation by the client, as SERL's environments do, or by the daemon: to the
pose measured when the request takes effect, or to the one last commanded.
"""

import dataclasses
from collections.abc import Callable
from itertools import islice

import numpy as np

from benchmarks.measure import Report, Row, figure
from benchmarks.soft_sync import CAMERAS, TimedCamera
from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import ServerConfig
from serl_api.enums import IncrementBase, Pacing
from serl_api.pose_increment import PoseIncrement
from serl_api.values import Observation, Pose
from serl_client import RobotClient
from simulator.devices.cell import LIMITS, build_cell
from simulator.physics.impedance import COMPLIANCE

SPEED_M_PER_S, PERIOD_S = 0.25, 0.1
STEPS, SETTLING_STEPS = 12, 4
START = (0.45, -0.2, 0.3)

Ask = Callable[[Observation, np.ndarray], Pose | PoseIncrement]


def on_observation(observation: Observation, translation: np.ndarray) -> Pose:
    """Adds to the pose of the observation, in the client."""
    pose = observation.state.tcp_pose
    return Pose(pose.position + translation, pose.quaternion_xyzw)


def on_measured(_observation: Observation, translation: np.ndarray) -> PoseIncrement:
    """Lets the daemon add to the measured pose."""
    return PoseIncrement(translation=translation)


def on_commanded(_observation: Observation, translation: np.ndarray) -> PoseIncrement:
    """Lets the daemon add to the pose last commanded."""
    return PoseIncrement(translation=translation, added_to=IncrementBase.COMMANDED)


WAYS: dict[str, Ask] = {
    "on the observation": on_observation,
    "on the measured pose": on_measured,
    "on the commanded pose": on_commanded,
}


def measure(camera_count: int, ask: Ask, seed: int) -> float:
    """Speed along y once it is steady, m/s."""
    cameras = {name: TimedCamera(name, timing, seed) for name, timing in islice(CAMERAS.items(), camera_count)}
    cell = dataclasses.replace(build_cell("pick-cube", Pacing.REAL_TIME, 0), cameras=cameras)
    config = ServerConfig(address="127.0.0.1:0", drain_grace_s=0.1)
    server = DaemonServer(cell, config, LIMITS, compliance=COMPLIANCE)
    try:
        with RobotClient(server.start()) as robot, robot.control("benchmark") as session:
            down = robot.info.arm.home_tcp_pose.quaternion_xyzw
            session.move(Pose(np.array(START), down), 1.0)
            observation = session.step(period_s=PERIOD_S, cameras=list(cameras)).observation
            translation = np.array((0.0, SPEED_M_PER_S * PERIOD_S, 0.0))
            ways = []
            for _ in range(STEPS):
                target = ask(observation, translation)
                observation = session.step(target, period_s=PERIOD_S, cameras=list(cameras)).observation
                state = observation.newest_state
                ways.append((state.monotonic_time_ns * 1e-9, state.tcp_pose.position[1]))
    finally:
        server.stop()
    (begin_s, begin_m), (end_s, end_m) = ways[SETTLING_STEPS], ways[-1]
    return float((end_m - begin_m) / (end_s - begin_s))


def run(rounds: int) -> Report:
    rows: list[Row] = []
    for way, ask in WAYS.items():
        for count in range(len(CAMERAS) + 1):
            speeds = [measure(count, ask, seed) for seed in range(rounds)]
            rows.append(figure(f"added {way}, {count} cameras", speeds, "m/s"))
    return Report(f"Speed of an arm asked for {SPEED_M_PER_S:g} m/s at {1 / PERIOD_S:g} Hz", rows)
