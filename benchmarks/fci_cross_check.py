"""What a robot server looks like through libfranka and the Franka driver, to hold two servers against each other.

    python -m benchmarks.fci_cross_check --host 127.0.0.2 --output runs/ours.json

The server is `serl-virtual fci --arm fr3 --task pick-cube`, or franky-sim in an environment of its own:

    with MujocoSimulator() as sim:
        robot = sim.add_robot()  # Connect to robot.hostname.
        with SimulationServer(sim) as server:
            server.run_async()
            time.sleep(150.0)

Given both files with `--compare`, prints how far their states and step responses differ.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

import franky
import numpy as np

from robot_daemon.drivers.franka import FrankaArm, FrankaOptions
from robot_daemon.drivers.franka.connecting import connect, model_name
from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import FullCompliance, Pose

IDLE_S = 3.0
STEP_M = 0.02
STEP_S = 1.2
GRID_S = 0.02
COMPLIANCE = FullCompliance(nullspace_stiffness=10.0)
FIELDS = ("tau_J", "tau_J_d", "tau_ext_hat_filtered", "O_F_ext_hat_K", "q", "dq", "m_ee", "m_load", "F_x_Cee")


def options(host: str) -> FrankaOptions:
    return FrankaOptions(
        host=host,
        model="fr3",
        realtime="prefer",
        tcp_position_m=(0.0, 0.0, 0.1034),
        target_time_constant_s=0.0,
        contact_force_n=400.0,
        contact_torque_nm=150.0,
    )


def look(host: str) -> dict:
    """States while idle, at home, and what the client's model says there."""
    begun = time.monotonic()
    robot = connect(options(host))
    found: dict = {"connect_s": time.monotonic() - begun, "model": model_name(robot.model_urdf)}
    robot.relative_dynamics_factor = 0.2
    robot.move(franky.JointWaypointMotion([franky.JointWaypoint(list(ARMS["fr3"].home))]))
    time.sleep(0.5)
    arrivals, numbers = [], []
    begun = time.monotonic()
    while time.monotonic() - begun < IDLE_S:
        state = robot.state
        arrivals.append(time.monotonic())
        numbers.append(state.time.to_msec())
    fresh = np.diff(numbers) > 0
    gaps = np.diff(arrivals)[fresh] * 1e3
    found["states a second"] = float(fresh.sum() / (arrivals[-1] - arrivals[0]))
    found["message numbers a second"] = float((numbers[-1] - numbers[0]) / (arrivals[-1] - arrivals[0]))
    found["gap p50 p99 max, ms"] = [*np.percentile(gaps, (50, 99)).tolist(), float(gaps.max())]
    state, model = robot.state, robot.model
    found["fields"] = {name: np.asarray(getattr(state, name), float).reshape(-1).tolist() for name in FIELDS}
    found["success rate"] = float(state.control_command_success_rate)
    found["mode"] = str(state.robot_mode)
    found["O_T_EE"] = state.O_T_EE.matrix.reshape(-1).tolist()
    found["F_T_EE"] = state.F_T_EE.matrix.reshape(-1).tolist()
    found["model pose"] = model.pose(franky.Frame.EndEffector, state).matrix.reshape(-1).tolist()
    found["gravity"] = np.asarray(model.gravity(state), float).tolist()
    found["mass"] = np.asarray(model.mass(state), float).reshape(-1).tolist()
    found["refuses a load of 50 kg"] = _refuses(lambda: robot.set_load(50.0, [0.0] * 3, [0.0] * 9))
    robot.set_load(
        0.0, [0.0] * 3, [0.0] * 9
    )  # The client's model, and with it the impedance, takes in what is accepted.
    return found


def _refuses(call) -> bool:
    try:
        call()
    except franky.Exception:
        return True
    return False


def respond(host: str) -> dict:
    """Steps along x, y and z with the driver, on a common grid of times."""
    arm = FrankaArm(options(host), RealTimebase())
    responses, rates = [], []
    try:
        arm.set_compliance(COMPLIANCE)
        start = arm.read_state()
        for axis in range(3):
            arm.set_target(start.tcp_pose)
            time.sleep(2.0)
            rest = arm.read_state()
            away = np.eye(3)[axis] * STEP_M
            arm.set_target(Pose(rest.tcp_pose.position + away, start.tcp_pose.quaternion_xyzw))
            begun_ns = time.monotonic_ns()
            samples = {}
            while time.monotonic_ns() - begun_ns < STEP_S * 1e9:
                with contextlib.suppress(DeviceUnavailableError):
                    sample = arm.read_state()
                    samples[sample.time_ns] = sample
                time.sleep(0.001)
            times = np.array([sample.time_ns - begun_ns for sample in samples.values()]) * 1e-9
            moved = np.array([sample.tcp_pose.position - rest.tcp_pose.position for sample in samples.values()])
            grid = GRID_S * np.arange(1, round(STEP_S / GRID_S) + 1)
            responses.append([np.interp(grid, times, moved[:, index]).tolist() for index in range(3)])
            rates.append(len(samples) / STEP_S)
        faults = [f"{fault.id}: {fault.text}" for fault in arm.faults()]
    finally:
        arm.close()
    along = np.array([responses[axis][axis] for axis in range(3)]) * 1e3
    return {
        "responses": responses,
        "states seen a second in motion": rates,
        "overshoot, mm": (along.max(axis=1) - STEP_M * 1e3).tolist(),
        "63 % after, s": [float(GRID_S * (np.argmax(row > 0.63 * STEP_M * 1e3) + 1)) for row in along],
        "end minus target, mm": (along[:, -1] - STEP_M * 1e3).tolist(),
        "faults": faults,
    }


def compare(first: dict, second: dict) -> None:
    a, b = (np.array(found["responses"]) * 1e3 for found in (first, second))
    distance = np.linalg.norm(a - b, axis=1)
    for axis, row in zip("xyz", distance, strict=True):
        mean = np.sqrt((row**2).mean())
        print(f"step along {axis}: largest distance {row.max():.2f} mm, root mean square {mean:.2f} mm")
    for name in ("O_T_EE", "model pose", "gravity", "mass"):
        print(f"{name}: largest difference {np.abs(np.array(first[name]) - np.array(second[name])).max():.4g}")
    for name in FIELDS:
        x, y = np.array(first["fields"][name]), np.array(second["fields"][name])
        print(f"{name}: {np.round(x, 3).tolist()} | {np.round(y, 3).tolist()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--output", type=Path, default=Path("runs/fci.json"))
    parser.add_argument("--compare", type=Path, nargs=2)
    arguments = parser.parse_args()
    if arguments.compare:
        compare(*(json.loads(path.read_text()) for path in arguments.compare))
        return
    found = look(arguments.host) | respond(arguments.host)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(found))
    for name, value in found.items():
        if name not in ("responses", "fields", "mass"):
            print(f"{name}: {np.round(value, 4).tolist() if isinstance(value, list) and name != 'faults' else value}")


if __name__ == "__main__":
    main()
