"""Lockstep environment steps through gRPC against the same in process; physics and rendering by themselves.

The environment is `serl/PickCube-v0` as training uses it, driven by the scripted expert, so that grasps are part of
it. In process, the same servicers are called in the same thread with the same messages: what differs is gRPC alone.
"""

import statistics
import time
from typing import Any

import gymnasium
import numpy as np

from benchmarks.in_process import in_process_simulator
from benchmarks.measure import Report, Row, figure, interleave, ratio
from serl_api.values import GripperTarget, Pose
from serl_client.envs.registration import make_training_env
from serl_tasks.pick_cube.expert import PickCubeExpert
from serl_tasks.pick_cube.task import PICK_CUBE
from simulator.devices.cell import build_cell

STEPS = 1500
PHYSICS_STEPS_A_PERIOD = 50
PERIOD_NS = 100_000_000


def run(rounds: int) -> Report:
    """Measures environment steps, physics steps and pairs of images."""
    remote = make_training_env("serl/PickCube-v0")
    with in_process_simulator("pick-cube") as address:
        local = make_training_env("serl/PickCube-v0", address=address)
        speeds = interleave(rounds, grpc=lambda: _steps_a_second(remote), in_process=lambda: _steps_a_second(local))
        local.close()
    remote.close()
    physics = [_physics_us() for _ in range(rounds)]
    pairs = [_pairs_a_second() for _ in range(rounds)]
    rows = [
        figure("environment steps through gRPC", speeds["grpc"], "steps/s"),
        figure("environment steps in process", speeds["in_process"], "steps/s"),
        ratio("gRPC / in process", speeds["grpc"], speeds["in_process"], at_least=0.85),
        _bounded("one physics step while grasping and lifting", physics, "us", at_most=20.0),
        _bounded("front + wrist, 128 x 128, software EGL", pairs, "pairs/s", at_least=60.0),
    ]
    return Report("Simulation at 10 Hz control, 2 ms physics", rows)


def _bounded(name: str, values: list[float], unit: str, *, at_least: float = 0.0, at_most: float = 0.0) -> Row:
    median = statistics.median(values)
    met = median >= at_least if at_least else median <= at_most
    return Row(name, median, unit, values, f">= {at_least:g}" if at_least else f"<= {at_most:g}", met)


def _steps_a_second(env: gymnasium.Env[Any, Any]) -> float:
    expert = PickCubeExpert(PICK_CUBE)
    observation, info = env.reset(seed=0)
    expert.reset()
    elapsed = 0.0
    for _ in range(STEPS):
        action = expert.action(observation, info)
        start = time.perf_counter()
        observation, _reward, terminated, truncated, info = env.step(action)
        elapsed += time.perf_counter() - start
        if terminated or truncated:
            observation, info = env.reset()
            expert.reset()
    return STEPS / elapsed


def _physics_us() -> float:
    """Mean over a scripted grasp: above the cube, down, close, lift."""
    cell = build_cell("pick-cube")
    assert cell.scene is not None
    assert cell.gripper is not None
    cell.scene.reset(seed=0, start=None, gripper_width=None)
    cube = cell.scene.tracked_objects()[0].pose.position
    elapsed, periods = 0.0, 0
    for height, width, count in ((0.1, 0.085, 10), (0.0, 0.085, 6), (0.0, 0.0, 5), (0.2, 0.0, 10)):
        for _ in range(count):
            state = cell.arm.read_state()
            move = np.clip(cube + np.array([0.0, 0.0, height]) - state.tcp_pose.position, -0.05, 0.05)
            cell.arm.set_target(Pose(state.tcp_pose.position + move, np.array([1.0, 0.0, 0.0, 0.0])))
            cell.gripper.set_target(GripperTarget(width=width))
            until = cell.timebase.now_ns() + PERIOD_NS
            start = time.perf_counter()
            cell.timebase.wait_until(until)
            elapsed += time.perf_counter() - start
            periods += 1
    cell.close()
    return elapsed / periods / PHYSICS_STEPS_A_PERIOD * 1e6


def _pairs_a_second() -> float:
    cell = build_cell("pick-cube")
    front, wrist = cell.cameras["front"], cell.cameras["wrist"]
    times = []
    for _ in range(40):
        cell.timebase.wait_until(cell.timebase.now_ns() + PERIOD_NS)
        start = time.perf_counter()
        front.read(5.0)
        wrist.read(5.0)
        times.append(time.perf_counter() - start)
    for camera in cell.cameras.values():
        camera.close()
    cell.close()
    return 1.0 / statistics.median(times)
