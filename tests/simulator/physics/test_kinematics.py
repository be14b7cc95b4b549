import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.rotation import from_rotvec, multiply
from simulator.model.arm_table import ARMS
from simulator.model.quaternion import to_wxyz, to_xyzw
from simulator.physics.kinematics import solve_pose
from simulator.scene.scene import new_scene

MODELS = {name: new_scene(table).compile() for name, table in ARMS.items()}
DOWN = (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("arm", sorted(ARMS))
@given(
    x=st.floats(0.32, 0.6),
    y=st.floats(-0.25, 0.25),
    z=st.floats(0.05, 0.4),
    tilt=st.tuples(*[st.floats(-0.15, 0.15)] * 3),
)
def test_the_solution_is_at_the_pose_and_within_the_limits(arm, x, y, z, tilt):
    model, table = MODELS[arm], ARMS[arm]
    position, quaternion = np.array([x, y, z]), np.array(multiply(from_rotvec(tilt), DOWN))
    joints = solve_pose(model, table, position, quaternion, np.array(table.home))
    assert joints is not None
    assert all(joint.lower <= q <= joint.upper for joint, q in zip(table.joints, joints, strict=True))
    data = mujoco.MjData(model)
    data.qpos[:7] = joints
    mujoco.mj_kinematics(model, data)
    np.testing.assert_allclose(data.site("tcp").xpos, position, atol=1e-5)
    measured = np.zeros(4)
    mujoco.mju_mat2Quat(measured, data.site("tcp").xmat)
    assert abs(to_xyzw(measured) @ quaternion) == pytest.approx(1.0, abs=1e-9)


def test_out_of_reach_there_is_no_solution():
    table = ARMS["panda"]
    assert solve_pose(MODELS["panda"], table, np.array([2.0, 0, 0]), np.array(DOWN), np.array(table.home)) is None


@pytest.mark.trap
def test_quaternion_orders_are_inverses():
    quaternion = np.array([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(to_wxyz(quaternion), [0.4, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(to_xyzw(to_wxyz(quaternion)), quaternion)
