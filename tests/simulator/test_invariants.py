"""Whatever a client sends, from whichever posture, and however it dies: the outcome stays within bounds.

The simulator in lockstep, looked at after every physics step. `make test-slow` plays 2000 cases, the suite a hundred.
"""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from robot_daemon.control.clearance import Clearance
from serl_api.enums import ControlMode, Pacing
from serl_api.errors.robot import RobotError
from serl_api.rotation import from_rotvec, multiply
from serl_api.values import Compliance, JointTarget, Pose, WrenchTarget
from serl_client import RobotClient
from simulator.api.server import build_server
from simulator.devices.cell import LIMITS as SIMULATED_LIMITS
from simulator.model.arm_table import PANDA

EPSILON_M = 0.02
"""How far the TCP may swing out of the box."""
SPEED_TOLERANCE = 1.25
"""How much faster than its bound the TCP may be for an instant: axes are bounded one by one."""
JOINT_TOLERANCE = 1.05
"""What the virtual arm's control box forgives, too."""
STILL_RAD, STILL_M = 0.05, 0.002
LIMITS = replace(SIMULATED_LIMITS, contact_force_n=1000.0, wrench_control=True)
JOINT_SPEED = np.array([joint.speed for joint in PANDA.joints])
LOWER, UPPER = (np.array([getattr(joint, end) for joint in PANDA.joints]) for end in ("lower", "upper"))


class Witness:
    """The simulator with a record of every physics step since `forget`."""

    def __init__(self, monkeypatch):
        self.server = build_server("pick-cube", Pacing.LOCKSTEP, limits=LIMITS)
        world = self.server.core.cell.scene
        self.parts = world.arm.parts
        self.clearance = Clearance(LIMITS, self.parts)
        self.site = world.physics.model.site("tcp").id
        self.forget()
        step, jacobian = mujoco.mj_step, np.zeros((3, world.physics.model.nv))

        def recorded(model, data, nstep=1):
            for _ in range(nstep):
                step(model, data)
                mujoco.mj_jacSite(model, data, jacobian, None, self.site)
                place, velocity = data.site_xpos[self.site], jacobian @ data.qvel
                self.lowest, self.highest = np.minimum(self.lowest, place), np.maximum(self.highest, place)
                self.speed = max(self.speed, float(np.linalg.norm(velocity)))
                self.joint_share = max(self.joint_share, float((np.abs(data.qvel[:7]) / JOINT_SPEED).max()))
                self.joints_lowest = np.minimum(self.joints_lowest, data.qpos[:7])
                self.joints_highest = np.maximum(self.joints_highest, data.qpos[:7])

        monkeypatch.setattr(mujoco, "mj_step", recorded)
        self.robot = RobotClient(self.server.start())

    def forget(self):
        self.lowest, self.highest = np.full(3, np.inf), np.full(3, -np.inf)
        self.joints_lowest, self.joints_highest = np.full(7, np.inf), np.full(7, -np.inf)
        self.speed = self.joint_share = 0.0

    @property
    def outside(self):
        below = np.array(LIMITS.workspace_lower_m) - self.lowest
        return float(np.maximum(below, self.highest - np.array(LIMITS.workspace_upper_m)).max())

    def interpolate(self, whether):
        core = self.server.core
        bounds = core.active_cell.limits.motion_bounds
        core.cell.arm.set_bounds(replace(bounds, interpolates=whether))

    def draw_start(self, rng):
        """Joint positions anywhere, with the TCP in the box and every part above the table."""
        low, high = np.array(LIMITS.workspace_lower_m) + 0.01, np.array(LIMITS.workspace_upper_m) - 0.01
        while True:
            joints = rng.uniform(LOWER + 0.1, UPPER - 0.1, size=(512, 7))
            positions = self.parts(joints).positions
            inside = ((positions[:, -1] > low) & (positions[:, -1] < high)).all(axis=1)
            above = (positions[:, :, 2] > 0.15).all(axis=1)
            found = np.flatnonzero(inside & above)
            if len(found):
                return joints[found[0]]


@pytest.fixture(scope="module")
def witness():
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = Witness(monkeypatch)
        yield found
        found.robot.close()
        found.server.stop()


def compliance_of(rng):
    stiffness, turning = rng.uniform(0.0, 6000.0), rng.uniform(0.0, 300.0)
    return Compliance(
        translational_stiffness=stiffness,
        translational_damping=min(500.0, np.sqrt(stiffness) * rng.uniform(1.0, 5.0)),
        rotational_stiffness=turning,
        rotational_damping=min(50.0, np.sqrt(turning) * rng.uniform(0.35, 1.5)),
        nullspace_stiffness=rng.uniform(0.0, 100.0),
    )


def target_of(rng, mode, state, swing):
    """A target as far away as limits allow and further; `swing` turns it this way and that."""
    if mode is ControlMode.JOINT_IMPEDANCE:
        return JointTarget(state.joint_positions + swing * rng.uniform(-1.0, 1.0, 7))
    if mode is ControlMode.WRENCH:
        wrench = rng.normal(size=6) * (20.0, 20.0, 20.0, 3.0, 3.0, 3.0)
        return WrenchTarget(np.where(rng.random(6) < 0.4, 0.0, wrench))
    turn = tuple((swing * rng.uniform(-0.6, 0.6, 3)).tolist())
    turned = np.array(multiply(from_rotvec(turn), state.tcp_pose.quaternion_xyzw.tolist()))
    return Pose(state.tcp_pose.position + swing * rng.uniform(-0.3, 0.3, 3), turned)


def play(witness, number):
    """One client, from a random posture, until it dies in the middle of something."""
    rng = np.random.default_rng(number)
    robot, start = witness.robot, witness.draw_start(rng)
    witness.interpolate(rng.random() < 0.3)
    robot.recover()
    with robot.control("set-up") as session:
        session.reset(seed=int(rng.integers(1000)), start=JointTarget(start))
    mode = list(ControlMode)[1:][int(rng.integers(3))]
    witness.forget()
    try:
        with robot.control("fuzzer") as session:
            if rng.random() < 0.7:
                session.set_compliance(compliance_of(rng))
            fixed = rng.normal(size=7)
            for index in range(int(rng.integers(1, 25))):
                state = robot.get_state()
                if rng.random() < 0.1:
                    mode = list(ControlMode)[1:][int(rng.integers(3))]
                swing = 1.0 if index % 2 else -1.0
                again = np.random.default_rng(int(abs(fixed[0]) * 1e6)) if rng.random() < 0.5 else rng
                session.step(target_of(again, mode, state, swing), period_s=float(rng.choice([0.01, 0.02, 0.05, 0.1])))
    except RobotError:
        robot.recover()
    with robot.control("next") as session:  # Time passes in requests alone: what a dead client left goes on in these.
        for _ in range(5):
            session.step(period_s=0.1)


def stand(witness, number):
    """A client that commands the present pose, or nothing, for a second and a half."""
    rng = np.random.default_rng(number)
    start = witness.draw_start(rng)
    with witness.robot.control("set-up") as session:
        if rng.random() < 0.5:
            session.reset(seed=0, start=JointTarget(start))
        else:  # As a hand or another program would leave it: nobody told the daemon.
            session.reset(seed=0)
            world = witness.server.core.cell.scene
            with world.physics.lock:
                world.physics.data.qpos[:7], world.physics.data.qvel[:7] = start, 0.0
                world.arm.forget()
                world.physics.step_count += 1
                world.physics.settle_state()
                world.arm.hold()
    witness.forget()
    with witness.robot.control("still") as session:
        state = witness.robot.get_state()
        kind = int(rng.integers(3))
        for _ in range(15):
            target = (state.tcp_pose, JointTarget(state.joint_positions), WrenchTarget(np.zeros(6)))[kind]
            session.step(target, period_s=0.1)
    return state


def check_play(witness, number):
    play(witness, number)
    return beyond(
        outside_m=(witness.outside, EPSILON_M),
        speed_m_per_s=(witness.speed, SPEED_TOLERANCE * LIMITS.tcp_speed_m_per_s),
        joint_share=(witness.joint_share, JOINT_TOLERANCE),
    )


def check_stand(witness, number):
    state = stand(witness, number)
    joints, place = state.joint_positions, state.tcp_pose.position
    return beyond(
        joint_rad=(max((witness.joints_highest - joints).max(), (joints - witness.joints_lowest).max()), STILL_RAD),
        tool_m=(max((witness.highest - place).max(), (place - witness.lowest).max()), STILL_M),
    )


def beyond(**figures):
    """The figures, each with its bound, that are not below it."""
    return {name: round(float(value), 4) for name, (value, bound) in figures.items() if not value < bound}


QUICK, MANY = range(50), range(50, 1650)
"""Numbers of the clients that play; of the arms that are told to stay there are a quarter as many."""


def violations(check, witness, numbers):
    """Plays each number; gives what went out of bounds, by number, so that it can be played again alone."""
    found = {}
    for number in numbers:
        broken = check(witness, number)
        if broken:
            found[number] = broken
    return found


def test_the_tool_stays_in_its_box_and_nothing_is_faster_than_it_may(witness):
    assert violations(check_play, witness, QUICK) == {}


def test_an_arm_that_is_told_to_stay_stays_with_all_joints(witness):
    assert violations(check_stand, witness, QUICK) == {}


@pytest.mark.slow
def test_many_clients_later_nothing_left_its_bounds(witness):
    assert violations(check_play, witness, MANY) == {}


@pytest.mark.slow
def test_many_arms_that_are_told_to_stay_stay(witness):
    assert violations(check_stand, witness, range(50, 450)) == {}
