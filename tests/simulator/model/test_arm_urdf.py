from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest

from simulator.model.arm_table import ARMS
from simulator.model.arm_urdf import urdf
from simulator.scene.scene import new_scene


@pytest.mark.parametrize("table", ARMS.values(), ids=lambda table: table.name)
def test_urdf_and_mjcf_are_the_same_arm(table):
    parsed = mujoco.MjModel.from_xml_string(urdf(table))
    model = new_scene(table).compile()
    np.testing.assert_allclose(parsed.jnt_range, model.jnt_range[:7])
    rng = np.random.default_rng(1)
    for _ in range(10):
        joints = rng.uniform(-2.0, 2.0, 7)
        masses, positions = [], []
        for candidate in (parsed, model):
            data = mujoco.MjData(candidate)
            data.qpos[:7] = joints
            mujoco.mj_kinematics(candidate, data)
            body = candidate.body("link7").id
            masses.append(candidate.body_mass[body])
            positions.append(np.concatenate([data.xpos[body], data.xmat[body]]))
        assert masses[0] == pytest.approx(masses[1])
        np.testing.assert_allclose(positions[0], positions[1], atol=1e-8)


@pytest.mark.parametrize("table", ARMS.values(), ids=lambda table: table.name)
def test_urdf_has_what_libfranka_reads(table):
    robot = ElementTree.fromstring(urdf(table))
    joints = {joint.get("name"): joint for joint in robot.iter("joint")}
    for number, facts in enumerate(table.joints, start=1):
        braking = joints[f"joint{number}"].find("position_based_velocity_limits")
        assert float(braking.get("velocity_offset")) == facts.velocity_offset
        assert float(braking.get("deceleration_limit")) == facts.deceleration > 0.0
    assert "link8" in {link.get("name") for link in robot.iter("link")}
    flange = next(joint for joint in robot.iter("joint") if joint.find("child").get("link") == "link8")
    assert flange.find("origin").get("xyz") == f"0 0 {table.flange_offset}"
