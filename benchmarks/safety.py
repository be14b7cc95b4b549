"""What would hurt an arm: swing of the posture, wrenches in free space, alternating targets, false loads.

`python -m benchmarks.safety [--only sim|virtual|still]`. Not part of `make bench`: most of it runs in real time, before
the virtual arm, whose own log is the judge; the simulator is looked at after every physics step.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import mujoco
import numpy as np

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.franka import FrankaArm, FrankaOptions
from robot_daemon.hardware.devices import Cell
from robot_daemon.hardware.kinematics import SerialArm
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import Backend, Pacing
from serl_api.errors.robot import RobotError
from serl_api.rotation import from_rotvec, multiply
from serl_api.values import Compliance, JointTarget, Pose, WrenchTarget
from serl_client import RobotClient
from serl_client.session import ControlSession
from simulator.api.server import build_server
from simulator.model.arm_table import PANDA
from simulator.model.gripper_model import TCP_OFFSET
from simulator.virtual.fci import VirtualFciProcess

READY = np.array((0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4))
"""Franka's ready pose."""


LIMIT = np.array([joint.speed for joint in PANDA.joints])


def limits(**values: Any) -> LimitsConfig:
    """Limits with wrench control, also of a version that has no switch for it."""
    known = {field.name for field in fields(LimitsConfig)}
    wanted = {"contact_force_n": 1000.0, "wrench_control": True, **values}
    return LimitsConfig(**{name: value for name, value in wanted.items() if name in known})


class Simulated:
    """The simulator in lockstep; every physics step is recorded."""

    name = "simulator"

    def __init__(self) -> None:
        self.server = build_server("pick-cube", Pacing.LOCKSTEP, limits=limits())
        world: Any = self.server.core.cell.scene
        self.physics = world.physics
        self.speeds: list[np.ndarray] = []
        self.joints: list[np.ndarray] = []
        self.tool: list[np.ndarray] = []
        site = self.physics.model.site("tcp").id
        jacobian = np.zeros((3, self.physics.model.nv))

        step = mujoco.mj_step

        def step_by_step(model: mujoco.MjModel, data: mujoco.MjData, nstep: int = 1) -> None:
            for _ in range(nstep):
                step(model, data)
                mujoco.mj_jacSite(model, data, jacobian, None, site)
                self.speeds.append(data.qvel[:7].copy())
                self.joints.append(data.qpos[:7].copy())
                self.tool.append(np.concatenate([data.site_xpos[site], jacobian @ data.qvel]))

        mujoco.mj_step = step_by_step  # type: ignore[attr-defined]  # So that every step is seen.
        self.address = self.server.start()

    def place(self, session: ControlSession, joints: np.ndarray) -> None:
        """Puts the arm somewhere as a joint motion would."""
        session.reset(seed=0)
        session.move(JointTarget(joints), speed_ratio=0.4)
        self.forget()

    def forget(self) -> None:
        """Forgets what was recorded."""
        self.speeds, self.joints, self.tool = [], [], []

    def peaks(self) -> dict[str, np.ndarray]:
        """Records so far."""
        return {"dq": np.array(self.speeds), "q": np.array(self.joints), "tool": np.array(self.tool)}

    def close(self) -> None:
        """Ends it."""
        self.server.stop()


class Virtual:
    """The driver before a virtual Panda with a gripper, in real time; the arm's own log is the record."""

    name = "virtual"

    def __init__(self, idle_timeout_s: float = 0.0) -> None:
        self.fci = VirtualFciProcess(arm="panda", task="pick-cube", lost_packet_limit=2000, priority=None)
        self.fci.start()
        options = FrankaOptions(
            host=self.fci.host,
            model="panda",
            realtime="prefer",
            tcp_position_m=(0.0, 0.0, TCP_OFFSET),
            contact_force_n=500.0,
            contact_torque_nm=200.0,
            idle_timeout_s=idle_timeout_s,
        )
        timebase = RealTimebase()
        self.arm = FrankaArm(options, timebase)
        cell = Cell(name="v", backend=Backend.REAL, timebase=timebase, arm=self.arm, gripper=None, cameras={})
        self.server = DaemonServer(cell, ServerConfig(address="127.0.0.1:0"), limits())
        self.address = self.server.start()
        self.first = 0

    def place(self, session: ControlSession, joints: np.ndarray) -> None:
        """Moves there by joints, which ends the pose's motion; then the next pose starts one."""
        session.move(JointTarget(joints), speed_ratio=0.4)
        time.sleep(1.0)
        self.forget()

    def forget(self) -> None:
        """Forgets what was recorded."""
        self.first = int(self.fci.log()["cycle"][-1])

    def peaks(self) -> dict[str, np.ndarray]:
        """Records so far."""
        log = self.fci.log()
        log = log[log["cycle"] > self.first]
        flange = np.asarray(log["flange_position"], dtype=np.float64)
        times = log["time_ns"] * 1e-9
        window = 20  # Finite differences over 20 ms: the log has positions of the flange alone.
        speed = (flange[window:] - flange[:-window]) / (times[window:] - times[:-window])[:, None]
        tool = np.hstack([flange[window:], speed])
        return {"dq": np.asarray(log["velocities"]), "q": np.asarray(log["positions"]), "tool": tool}

    def close(self) -> None:
        """Ends it."""
        self.server.stop()
        self.fci.close()


@contextlib.contextmanager
def session_of(cell: Any) -> Iterator[tuple[RobotClient, ControlSession]]:
    with RobotClient(cell.address) as robot:
        robot.recover()
        with robot.control("safety benchmark") as session:
            yield robot, session


def say(cell: Any, what: str, **figures: float) -> None:
    text = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in figures.items())
    print(f"{cell.name:10} {what:46} {text}", flush=True)


def speeds(cell: Any) -> dict[str, float]:
    peaks = cell.peaks()
    return {
        "joint_rad_per_s": float(np.abs(peaks["dq"]).max()),
        "share_of_joint_limit": float((np.abs(peaks["dq"]) / LIMIT).max()),
        "tool_m_per_s": float(np.linalg.norm(peaks["tool"][:, 3:6], axis=1).max()),
    }


def swing(cell: Any, joints: np.ndarray, what: str) -> None:
    """Commands the present pose for five seconds."""
    with session_of(cell) as (robot, session):
        cell.place(session, joints)
    with session_of(cell) as (robot, session):
        cell.forget()
        pose = robot.get_state().tcp_pose
        for _ in range(50):
            session.step(pose, period_s=0.1)
    q = cell.peaks()["q"]
    tool = cell.peaks()["tool"][:, :3]
    say(
        cell,
        f"present pose commanded, {what}",
        joint_moved_rad=float(np.abs(q - q[0]).max()),
        tool_moved_mm=1e3 * float(np.linalg.norm(tool - tool[0], axis=1).max()),
        **speeds(cell),
    )


def still(count: int) -> None:
    """Commands the present pose for 1.5 s in each of many random postures, where the arm was put while idle."""
    cell, rng = Virtual(idle_timeout_s=0.2), np.random.default_rng(0)
    moved, away = [], []
    with contextlib.closing(cell):
        for _ in range(count):
            while cell.fci.state()["in_motion"]:
                time.sleep(0.05)
            cell.fci.inject("place", positions=random_posture(rng).tolist())
            time.sleep(0.3)
            with session_of(cell) as (robot, session):
                cell.forget()
                pose = robot.get_state().tcp_pose
                for _ in range(15):
                    session.step(pose, period_s=0.1)
                peaks = cell.peaks()
            joints, tool = peaks["q"], peaks["tool"][:, :3]
            moved.append(float(np.abs(joints - joints[0]).max()))
            away.append(1e3 * float(np.linalg.norm(tool - tool[0], axis=1).max()))
    say(cell, f"still in {count} postures, furthest", joint_moved_rad=max(moved), tool_moved_mm=max(away))
    say(cell, f"still in {count} postures, median", joint_moved_rad=np.median(moved), tool_moved_mm=np.median(away))


def random_posture(rng: np.random.Generator) -> np.ndarray:
    """Joint positions anywhere with the TCP in the default box and every part well above the table. Shape (7,)."""
    lower, upper = (np.array([getattr(joint, end) for joint in PANDA.joints]) for end in ("lower", "upper"))
    box, arm = LimitsConfig(), SerialArm(np.array((0.0, 0.0, TCP_OFFSET)))
    while True:
        joints = rng.uniform(lower + 0.1, upper - 0.1, size=(512, 7))
        places = arm.parts(joints).positions
        tool = places[:, -1]
        inside = ((tool > box.workspace_lower_m) & (tool < box.workspace_upper_m)).all(axis=1)
        found = np.flatnonzero(inside & (places[:, :, 2] > 0.15).all(axis=1))
        if len(found):
            return joints[found[0]]


def wrench(cell: Any) -> None:
    """Pushes with 30 N in free space for two seconds, then goes silent."""
    for axis, sign in ((1, 1.0), (2, 1.0), (0, 1.0)):
        with session_of(cell) as (robot, session):
            session.reset(seed=0, speed_ratio=0.5)
            box = robot.info.limits
            cell.forget()
            target = np.zeros(6)
            target[axis] = 30.0 * sign
            silent = np.zeros(3)
            try:
                session.step(WrenchTarget(target), period_s=0.1)
                if cell.name == "virtual":
                    before = robot.get_state().tcp_pose.position
                    time.sleep(1.0)
                    silent = robot.get_state().tcp_pose.position - before
                for _ in range(20):
                    session.step(WrenchTarget(target), period_s=0.1)
                at = robot.get_state().tcp_pose.position
            except RobotError as error:
                print(f"{cell.name:10} wrench along {'xyz'[axis]}: {error}", flush=True)
                continue
            outside = np.maximum(at - box.workspace_upper, box.workspace_lower - at).max()
        say(
            cell,
            f"30 N along {'xyz'[axis]}",
            outside_box_m=float(max(outside, 0.0)),
            ran_on_m=float(np.linalg.norm(silent)),
            **speeds(cell),
        )


def alternating(cell: Any, compliance: Compliance | None, what: str) -> None:
    """Sends targets at the ends of the step limits, this way and that, for ten seconds."""
    rng = np.random.default_rng(0)
    outside = 0.0
    with session_of(cell) as (robot, session):
        session.reset(seed=0, speed_ratio=0.5)
        box = robot.info.limits
        try:
            if compliance is not None:
                session.set_compliance(compliance)
            cell.forget()
            elapsed, sign = 0.0, 1.0
            while elapsed < 10.0:
                period = float(rng.choice([0.05, 0.1, 0.2]))
                direction = rng.normal(size=3)
                direction *= 0.1 / np.linalg.norm(direction)
                turn = rng.normal(size=3)
                turn *= 0.5 / np.linalg.norm(turn)
                state = robot.get_state().tcp_pose
                turned = multiply(from_rotvec(tuple((sign * turn).tolist())), tuple(state.quaternion_xyzw.tolist()))
                result = session.step(Pose(state.position + direction, np.array(turned)), period_s=period)
                at = result.observation.state.tcp_pose.position
                outside = max(outside, float(np.maximum(at - box.workspace_upper, box.workspace_lower - at).max()))
                elapsed, sign = elapsed + period, -sign
        except RobotError as error:
            print(f"{cell.name:10} {what}: {error}", flush=True)
        else:
            say(cell, f"alternating poses, {what}", outside_box_m=outside, **speeds(cell))


def load(cell: Any, mass: float) -> None:
    """Tells the arm a load that it does not carry."""
    with session_of(cell) as (robot, session):
        session.reset(seed=0, speed_ratio=0.5)
        pose = robot.get_state().tcp_pose
        try:
            session.set_load(mass, (0.0, 0.0, 0.0))
            for _ in range(20):
                session.step(pose, period_s=0.1)
        except RobotError as error:
            print(f"{cell.name:10} load of {mass:g} kg: {error}", flush=True)
            return
        moved = robot.get_state().tcp_pose.position - pose.position
    say(cell, f"load of {mass:g} kg", moved_mm=1e3 * float(np.linalg.norm(moved)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.safety", description=__doc__)
    parser.add_argument("--only", choices=["sim", "virtual", "still"])
    only = parser.parse_args().only
    if only in (None, "still"):
        still(50)
    for kind in (Simulated, Virtual):
        if only == "still":
            break
        if only is not None and (only == "sim") is not (kind is Simulated):
            continue
        cell = kind()
        with contextlib.closing(cell):
            swing(cell, READY, "ready pose")
            alternating(cell, None, "defaults")
            wrench(cell)
            stiff = Compliance(translational_stiffness=6000.0, translational_damping=0.0)
            alternating(cell, stiff, "stiffness 6000, damping 0")
            for mass in (50.0, 3.0):
                load(cell, mass)


if __name__ == "__main__":
    main()
