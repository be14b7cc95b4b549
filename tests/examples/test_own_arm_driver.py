"""A stranger's driver serves its own arm and its block through the real daemon, with nothing edited in the product."""

import tomllib

import numpy as np
import pytest

from robot_daemon.__main__ import main
from serl_api.enums import Backend
from serl_api.values import JointTarget, Pose
from serl_client import RobotClient

pytestmark = pytest.mark.real_time

DOWN = np.array([1.0, 0.0, 0.0, 0.0])


def pose(x, y, z):
    return Pose(position=np.array([x, y, z]), quaternion_xyzw=DOWN)


def block(observation):
    return observation.tracked_objects["block"].pose.position


def test_the_arm_pushes_the_block_through_the_daemon(own_arm_daemon):
    with RobotClient(own_arm_daemon) as robot, robot.control("test") as session:
        assert robot.info.backend is Backend.REAL
        assert robot.info.arm.model == "own-arm"
        assert robot.info.arm.home.shape == (4,)
        before = block(session.reset(seed=3))
        session.reset(start=pose(before[0] - 0.06, before[1], 0.02), seed=3)
        for _ in range(60):
            here = session.step(pose(before[0] + 0.05, before[1], 0.02), period_s=0.02).observation
        moved = block(here) - before
        assert moved[0] == pytest.approx(0.08, abs=5e-3)
        assert abs(moved[1]) < 5e-3
        assert here.state.tcp_pose.position == pytest.approx([before[0] + 0.05, before[1], 0.02], abs=5e-3)


def test_the_seed_draws_the_block_and_joints_can_be_the_start(own_arm_daemon):
    with RobotClient(own_arm_daemon) as robot, robot.control("test") as session:
        first, second, again = (block(session.reset(seed=seed)) for seed in (5, 6, 5))
        assert first == pytest.approx(again)
        assert np.abs(first - second).max() > 1e-3
        joints = robot.info.arm.home + np.array([0.3, 0.0, 0.0, 0.0])
        assert session.reset(start=JointTarget(positions=joints)).state.joint_positions == pytest.approx(joints)


def test_its_jacobian_and_its_inverse_are_those_of_its_kinematics(examples, monkeypatch):
    monkeypatch.syspath_prepend(str(examples / "own_arm_driver"))
    from own_arm_driver import OwnArm, OwnArmOptions

    from robot_daemon.drivers.fake.cell import LockstepTimebase

    arm = OwnArm(LockstepTimebase(), OwnArmOptions())
    joints, nudge = np.array([0.4, 0.9, 2.0, -0.5]), 1e-6
    arm.place(joints, np.zeros(3))
    state = arm.read_state()
    assert arm.inverse(state.tcp_pose.position, state.tcp_pose.quaternion_xyzw) == pytest.approx(joints)
    for joint in range(4):
        arm.place(joints + nudge * np.eye(4)[joint], np.zeros(3))
        slope = (arm.read_state().tcp_pose.position - state.tcp_pose.position) / nudge
        assert slope == pytest.approx(state.jacobian[:3, joint], abs=1e-5)


def test_once_installed_it_is_listed_and_named_by_its_entry_points(examples, tmp_path, monkeypatch, capsys):
    project = tomllib.loads((examples / "own_arm_driver" / "pyproject.toml").read_text())["project"]
    info = tmp_path / "own_arm_driver-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    points = [f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in own.items()) for group, own in groups]
    (info / "entry_points.txt").write_text("\n".join(points))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(examples / "own_arm_driver"))
    cell = tmp_path / "cell.toml"
    cell.write_text('[arm]\ndriver = "own-arm"\nlag_s = 0.1\n[tracker]\ndriver = "own-block"\n')
    assert main(["check", "--file-only", "--config", str(cell)]) == 0
    assert main(["drivers"]) == 0
    listed = capsys.readouterr().out
    assert "own-arm  own-arm-driver 0.1.0  own_arm_driver:build" in listed
    assert "own-block  own-arm-driver 0.1.0" in listed
