"""The physics' step response against the written impedance law, integrated in NumPy about one posture."""

import mujoco
import numpy as np
import pytest

from serl_api.rotation import from_rotvec, multiply, to_rotvec
from serl_api.values import FullCompliance, Pose

PERIOD_S = 0.002


def turned(quaternion, rotvec):
    """A quaternion turned by a rotation vector in base axes."""
    return np.array(multiply(from_rotvec(tuple(rotvec)), tuple(quaternion)))


def simulated_response(cell, step, steps):
    """Displacement of the TCP from its start after each physics step. Shape (steps, 6), m and rad."""
    start = cell.arm.read_state()
    cell.arm.set_target(Pose(start.tcp_pose.position + step[:3], turned(start.tcp_pose.quaternion_xyzw, step[3:])))
    response = []
    for _ in range(steps):
        cell.timebase.wait_until(cell.timebase.now_ns() + 2_000_000)
        state = cell.arm.read_state()
        relative = multiply(
            tuple(state.tcp_pose.quaternion_xyzw), tuple(start.tcp_pose.quaternion_xyzw * [-1, -1, -1, 1])
        )
        response.append([*(state.tcp_pose.position - start.tcp_pose.position), *to_rotvec(relative)])
    return np.array(response)


def law_response(cell, compliance, step, steps):
    """The same by M dq' = J^T (K e - D J dq) - d dq - n n^T (k q + 2 sqrt(k) dq), with M, J and n of the start."""
    model, data = cell.scene.physics.model, cell.scene.physics.data
    jacobian = cell.arm.read_state().jacobian
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, full)
    inverse_mass = np.linalg.inv(full)[:7, :7]
    null = np.linalg.svd(jacobian)[2][6]
    stiffness = np.repeat([compliance.translational_stiffness, compliance.rotational_stiffness], 3)
    damping = np.repeat([compliance.translational_damping, compliance.rotational_damping], 3)
    upper = np.array([*compliance.translational_clip_positive, *compliance.rotational_clip_positive])
    lower = np.array([*compliance.translational_clip_negative, *compliance.rotational_clip_negative])
    posture = compliance.nullspace_stiffness
    q, dq, response, substeps = np.zeros(7), np.zeros(7), [], 10
    for _ in range(steps):
        for _ in range(substeps):
            force = stiffness * np.clip(step - jacobian @ q, -lower, upper) - damping * (jacobian @ dq)
            torque = jacobian.T @ force - model.dof_damping[:7] * dq
            torque -= null * (null @ (posture * q + 2.0 * np.sqrt(posture) * dq))
            dq = dq + PERIOD_S / substeps * (inverse_mass @ torque)
            q = q + PERIOD_S / substeps * dq
        response.append(jacobian @ q)
    return np.array(response)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_translation_follows_the_law(cell, axis, sign):
    step = np.zeros(6)
    step[axis] = sign * 0.01
    expected = law_response(cell, FullCompliance(), step, 200)
    assert np.abs(simulated_response(cell, step, 200) - expected)[:, :3].max() < 0.0006


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_rotation_follows_the_law(cell, axis, sign):
    step = np.zeros(6)
    step[3 + axis] = sign * 0.05
    expected = law_response(cell, FullCompliance(), step, 200)
    assert np.abs(simulated_response(cell, step, 200) - expected)[:, 3:].max() < 0.003


def test_the_clip_bounds_the_spring_and_not_the_damper(cell):
    compliance = FullCompliance(
        translational_clip_positive=(0.005, 0.005, 0.004), translational_clip_negative=(0.005, 0.005, 0.008)
    )
    cell.arm.set_compliance(compliance)
    for sign in (1.0, -1.0):
        cell.scene.reset(seed=0, start=None, gripper_width=None)
        step = np.array([0.0, 0.0, sign * 0.03, 0.0, 0.0, 0.0])
        expected = law_response(cell, compliance, step, 150)
        assert np.abs(simulated_response(cell, step, 150) - expected)[:, 2].max() < 0.002


@pytest.mark.parametrize("step", [(0.05, 0, 0), (-0.05, 0, 0), (0, 0.05, 0), (0, 0, 0.05), (0, 0, -0.05)])
def test_a_step_of_5_cm_settles_within_a_millimetre(cell, step):
    response = simulated_response(cell, np.array([*step, 0.0, 0.0, 0.0]), 750)
    assert np.abs(response[-1, :3] - step).max() < 0.001
    assert np.abs(response[-1, 3:]).max() < 0.01


@pytest.mark.parametrize("rotvec", [(0.4, 0, 0), (0, 0.4, 0), (0, 0, 0.4), (0, 0, -0.4), (0.2, -0.2, 0.3)])
def test_large_rotations_arrive_where_they_were_sent(cell, rotvec):
    cell.scene.reset(
        seed=0,
        start=Pose(np.array([0.45, 0.0, 0.3]), np.array([1.0, 0, 0, 0])),
        gripper_width=None,
    )
    response = simulated_response(cell, np.array([0.0, 0.0, 0.0, *rotvec]), 1000)
    np.testing.assert_allclose(response[-1], [0.0, 0.0, 0.0, *rotvec], atol=0.01)
