import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.model.arm_model import JOINT_NAMES
from simulator.model.arm_table import ARMS, FR3, PANDA
from simulator.scene.scene import new_scene

# Franka's documentation, a row a joint: a, d, alpha of the previous frame; the last row is the flange.
DOCUMENTED = np.array(
    [
        [0.0, 0.333, 0.0],
        [0.0, 0.0, -np.pi / 2],
        [0.0, 0.316, np.pi / 2],
        [0.0825, 0.0, np.pi / 2],
        [-0.0825, 0.384, -np.pi / 2],
        [0.0, 0.0, np.pi / 2],
        [0.088, 0.0, np.pi / 2],
        [0.0, 0.107, 0.0],
    ]
)
MODELS = {name: new_scene(table).compile() for name, table in ARMS.items()}


def documented_flange(joints):
    """Craig's product of link transforms. Shapes (7,) and (4, 4)."""
    base_t_flange = np.eye(4)
    for (a, d, alpha), theta in zip(DOCUMENTED, [*joints, 0.0], strict=True):
        ca, sa, ct, st_ = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
        link = [[ct, -st_, 0, a], [st_ * ca, ct * ca, -sa, -sa * d], [st_ * sa, ct * sa, ca, ca * d], [0, 0, 0, 1]]
        base_t_flange = base_t_flange @ np.array(link)
    return base_t_flange


def model_flange(model, joints):
    data = mujoco.MjData(model)
    data.qpos[:7] = joints
    mujoco.mj_kinematics(model, data)
    body = model.body("flange").id
    return data.xpos[body], data.xmat[body].reshape(3, 3)


@pytest.mark.parametrize("arm", sorted(ARMS))
@given(joints=st.lists(st.floats(-2.8, 2.8), min_size=7, max_size=7))
def test_forward_kinematics_is_the_documented_product(arm, joints):
    expected = documented_flange(joints)
    position, rotation = model_flange(MODELS[arm], joints)
    np.testing.assert_allclose(position, expected[:3, 3], atol=1e-9)
    np.testing.assert_allclose(rotation, expected[:3, :3], atol=1e-9)


@pytest.mark.parametrize("table", [PANDA, FR3], ids=lambda table: table.name)
def test_limits_and_masses_of_the_table_are_in_the_model(table):
    model = MODELS[table.name]
    for name, joint in zip(JOINT_NAMES, table.joints, strict=True):
        index = model.joint(name).id
        np.testing.assert_allclose(model.jnt_range[index], [joint.lower, joint.upper])
        np.testing.assert_allclose(model.jnt_actfrcrange[index], [-joint.torque, joint.torque])
    for number, link in enumerate(table.links):
        assert model.body(f"link{number}").mass == pytest.approx(link.mass)


def test_the_two_arms_differ_where_their_makers_say_so():
    assert PANDA.joints[5].lower == -0.0175
    assert FR3.joints[5].lower == 0.5445
    assert FR3.joints[4].speed == 5.26


@pytest.mark.parametrize("table", [PANDA, FR3], ids=lambda table: table.name)
def test_home_lies_within_the_limits_and_points_the_tool_down(table):
    model = MODELS[table.name]
    assert all(joint.lower < q < joint.upper for joint, q in zip(table.joints, table.home, strict=True))
    data = mujoco.MjData(model)
    data.qpos[:7] = table.home
    mujoco.mj_kinematics(model, data)
    np.testing.assert_allclose(data.site("tcp").xpos, [0.4, 0.0, 0.25], atol=1e-6)
    np.testing.assert_allclose(data.site("tcp").xmat.reshape(3, 3), np.diag([1.0, -1.0, -1.0]), atol=1e-6)


@pytest.mark.parametrize("arm", sorted(ARMS))
def test_inertias_are_physical(arm):
    model = MODELS[arm]
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    for _ in range(20):
        data.qpos[:7] = rng.uniform(-2.5, 2.5, 7)
        mujoco.mj_forward(model, data)
        mass = np.zeros((model.nv, model.nv))
        mujoco.mj_fullM(model, data, mass)
        assert np.linalg.eigvalsh(mass).min() > 0.0


def test_the_model_has_no_meshes():
    assert MODELS["panda"].nmesh == 0
