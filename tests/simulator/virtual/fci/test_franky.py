"""Unmodified libfranka, inside franky, against the virtual arm. Each client is a process, as a daemon would be."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from simulator.virtual.fci import VirtualFciProcess
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import RobotMode
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

pytest.importorskip("franky")

LENIENT = 1000
"""Lost packets in a row that these tests forgive: the machine may be busy. test_control_box.py has the true value."""

PRELUDE = """
import json, time
from pathlib import Path
import franky
from franky import (Affine, CartesianImpedanceTrackingMotion, CartesianMotion, CartesianReference, JointMotion,
                    RealtimeConfig, ReferenceType, Robot)
from simulator.virtual.fci import ControlClient

def connect():
    return Robot(HOST, relative_dynamics_factor=0.3, realtime_config=RealtimeConfig.Ignore)

def track(robot):
    motion = CartesianImpedanceTrackingMotion()
    robot.move(motion, asynchronous=True)
    wait_for(lambda: robot.state.robot_mode == franky.RobotMode.Move)
    return motion

def wait_for(condition):
    deadline = time.monotonic() + 15.0
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)

def message(call):
    try:
        call()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""

def report(**values):
    print(json.dumps(values), flush=True)

arm = ControlClient(Path(CONTROL))
robot = connect()
"""


@pytest.fixture(scope="module")
def fci():
    with VirtualFciProcess(arm="fr3", task="pick-cube", lost_packet_limit=LENIENT) as process:
        yield process


@pytest.fixture
def start(fci):
    """Starts a client; afterwards the arm is idle again."""
    clients = []

    def begin(body):
        names = f"HOST, CONTROL = {fci.host!r}, {str(fci.control_path)!r}\n"
        command = [sys.executable, "-c", names + PRELUDE + body]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        clients.append(client)
        return client

    yield begin
    for client in clients:
        client.kill()
        client.communicate()
    fci.clear()
    wait_until(lambda: fci.state()["client"] is None)


@pytest.fixture
def run(start):
    """Runs a client and returns what it reports."""

    def execute(body):
        output, errors = start(body).communicate(timeout=45.0)
        assert output, errors
        return json.loads(output.splitlines()[-1])

    return execute


def test_joint_and_cartesian_motions_arrive_and_both_sides_know_the_same_arm(fci, run):
    result = run("""
if robot.has_errors:
    robot.recover_from_errors()
goal = [float(value) for value in robot.state.q]
goal[0] -= 0.2
goal[5] += 0.15
robot.move(JointMotion(goal))
reached = [float(value) for value in robot.state.q]
before = robot.current_pose.end_effector_pose.matrix.tolist()
robot.move(CartesianMotion(Affine([0.04, -0.03, 0.02]), ReferenceType.Relative))
state = robot.state
after = robot.current_pose.end_effector_pose.translation.tolist()
model = robot.model
report(goal=goal, reached=reached, before=before, after=after, q=state.q.tolist(),
       model_pose=model.pose(franky.Frame.Flange, state).matrix.tolist(), gravity=model.gravity(state).tolist(),
       tau=state.tau_J.tolist())
""")
    np.testing.assert_allclose(result["reached"], result["goal"], atol=2e-3)
    before = np.array(result["before"])
    np.testing.assert_allclose(result["after"], before[:3, :3] @ [0.04, -0.03, 0.02] + before[:3, 3], atol=4e-3)
    truth = fci.state()
    np.testing.assert_allclose(result["q"], truth["positions"], atol=1e-3)
    model_pose = np.array(result["model_pose"])
    np.testing.assert_allclose(model_pose[:3, 3], truth["flange_position"], atol=1e-3)
    np.testing.assert_allclose(model_pose[:3, :3], truth["flange_rotation"], atol=2e-3)
    np.testing.assert_allclose(result["gravity"], result["tau"], atol=0.6)


def test_impedance_tracking_follows_and_feels_a_push(fci, run):
    result = run("""
if robot.has_errors:
    robot.recover_from_errors()
motion = track(robot)
start = robot.current_pose.end_effector_pose
for tick in range(40):
    target = Affine([start.translation[0] + 0.001 * tick, start.translation[1], start.translation[2]], start.quaternion)
    motion.set_reference(CartesianReference(target=target))
    time.sleep(0.02)
wait_for(lambda: abs(robot.state.O_T_EE.translation[0] - target.translation[0]) < 0.005)
arm.ask("wrench", force=[0.0, 0.0, -12.0])
wait_for(lambda: robot.state.O_F_ext_hat_K[2] > 11.5)
pushed = robot.state
arm.ask("clear")
wait_for(lambda: abs(robot.state.O_F_ext_hat_K[2]) < 0.5)
free = robot.state
robot.stop()
ended = message(robot.join_motion)
report(wrench=pushed.O_F_ext_hat_K.tolist(), rate=pushed.control_command_success_rate, mode=str(pushed.robot_mode),
       free=free.O_F_ext_hat_K.tolist(), ended=ended, idle=str(robot.state.robot_mode))
""")
    np.testing.assert_allclose(result["wrench"][:3], [0.0, 0.0, 12.0], atol=0.7)
    assert 0.0 < result["rate"] <= 1.0
    assert "preempted" in result["ended"]
    assert "Idle" in result["idle"]
    records = fci.log()
    assert (records["has_command"] == 1).sum() > 200
    assert (records["controller_mode"] == 2).any()


def test_every_fault_reaches_the_client_under_its_own_name(run):
    kinds = [fault.name.lower() for fault in Fault]
    result = run(f"""
kinds = {kinds!r}
found = []
for kind in kinds:
    arm.ask("reflex", kind=kind)
    wait_for(lambda: robot.has_errors)
    errors = robot.state.current_errors
    found.append([name for name in kinds if getattr(errors, name)])
    robot.recover_from_errors()
    wait_for(lambda: not robot.has_errors)
report(found=found)
""")
    assert result["found"] == [[kind] for kind in kinds]


def test_a_reflex_and_a_user_stop_end_a_motion_until_they_are_dealt_with(run):
    result = run("""
if robot.has_errors:
    robot.recover_from_errors()
track(robot)
arm.ask("reflex", kind="cartesian_reflex")
by_reflex = message(robot.join_motion)
mode = str(robot.state.robot_mode)
refused = message(lambda: robot.move(JointMotion([float(value) for value in robot.state.q])))
recovered = robot.recover_from_errors()
track(robot)
arm.ask("user_stop")
by_stop = message(robot.join_motion)
stopped = str(robot.state.robot_mode)
rejected = message(robot.recover_from_errors)
arm.ask("release_user_stop")
wait_for(lambda: robot.state.robot_mode == franky.RobotMode.Idle)
robot.set_collision_behavior(20.0, 20.0)
track(robot)
arm.ask("wrench", force=[0.0, 30.0, 0.0])
by_push = message(robot.join_motion)
arm.ask("clear")
report(by_reflex=by_reflex, mode=mode, refused=refused, recovered=recovered, by_stop=by_stop, stopped=stopped,
       rejected=rejected, by_push=by_push)
""")
    assert "cartesian_reflex" in result["by_reflex"]
    assert "Reflex" in result["mode"]
    assert "Reflex" in result["refused"] or "not possible" in result["refused"]
    assert result["recovered"] is True
    assert "User Stop" in result["by_stop"]
    assert "UserStopped" in result["stopped"]
    assert "safety" in result["rejected"]
    assert "reflex" in result["by_push"]


def test_a_short_stall_is_survived_and_a_long_one_needs_a_new_connection(run):
    result = run("""
if robot.has_errors:
    robot.recover_from_errors()
track(robot)
arm.ask("stall", seconds=0.5)
first = arm.ask("state")["cycle"]
wait_for(lambda: arm.ask("state")["cycle"] > first + 100)
survived = robot.is_in_control
robot.stop()
message(robot.join_motion)
arm.ask("stall", seconds=1.5)
broken = message(lambda: wait_for(lambda: robot.state is None))
del robot
robot = connect()
report(survived=survived, broken=broken, mode=str(robot.state.robot_mode))
""")
    assert result["survived"] is True
    assert "Timeout" in result["broken"] or "Net" in result["broken"]
    assert "Idle" in result["mode"]


def test_lost_commands_and_a_cut_cable_stop_the_motion(fci, run):
    result = run("""
if robot.has_errors:
    robot.recover_from_errors()
track(robot)
arm.ask("drop", fraction=1.0)
lost = message(robot.join_motion)
arm.ask("clear")
robot.recover_from_errors()
track(robot)
arm.ask("disconnect")
cut = message(robot.join_motion)
report(lost=lost, cut=cut)
""")
    assert "communication_constraints_violation" in result["lost"]
    assert "Exception" in result["cut"] or "Error" in result["cut"]
    assert fci.state()["robot_mode"] == "REFLEX"


def test_a_killed_client_leaves_an_arm_that_holds(fci, start):
    client = start("""
if robot.has_errors:
    robot.recover_from_errors()
robot.relative_dynamics_factor = 0.5
goal = [float(value) for value in robot.state.q]
goal[0] -= 1.0
robot.move(JointMotion(goal), asynchronous=True)
wait_for(lambda: abs(robot.state.dq[0]) > 0.4)
report(moving=True)
time.sleep(30.0)
""")
    assert client.stdout.readline(), client.stderr.read()
    killed_ns = time.monotonic_ns()
    client.send_signal(signal.SIGKILL)
    wait_until(lambda: not fci.state()["in_motion"] and np.abs(fci.state()["velocities"]).max() < 0.01)
    assert fci.state()["faults"] == ["communication_constraints_violation"]
    records = fci.log()
    after = records[records["time_ns"] > killed_ns]
    stopped = after[after["robot_mode"] == RobotMode.REFLEX]
    assert np.abs(records["velocities"][records["time_ns"] <= killed_ns][-1]).max() > 0.2, "it did move"
    # It holds where it has braked: nothing moves from then on.
    rest = stopped[300:]["positions"] if len(stopped) > 400 else stopped[-1:]["positions"]
    assert np.ptp(rest, axis=0).max() < 5e-3


def test_another_server_version_is_explained_by_libfranka():
    with VirtualFciProcess(server_version=9) as old:
        body = f"""
import franky
try:
    franky.Robot({old.host!r}, realtime_config=franky.RealtimeConfig.Ignore)
except BaseException as error:
    print(type(error).__name__, error)
"""
        done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, timeout=40.0, check=False)
    assert "IncompatibleVersionException" in done.stdout
    assert "server version: 9" in done.stdout
