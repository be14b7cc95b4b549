import mujoco
import numpy as np
import pytest

from simulator.arm_table import ARMS
from simulator.arm_urdf import urdf
from simulator.scene import new_scene


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
