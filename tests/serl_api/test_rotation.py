import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from serl_api import rotation as r
from serl_api.values import Pose

numbers = st.floats(-3.0, 3.0)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)
rotation_vectors = vectors.filter(lambda v: np.linalg.norm(v) < math.pi - 1e-3)
quaternions = rotation_vectors.map(r.from_rotvec)
poses = st.builds(Pose, vectors, quaternions.map(np.array))
twists = st.tuples(vectors, vectors).map(np.concatenate)


def same_rotation(first, second):
    return r.angle_between(first, second) < 1e-7


@given(quaternions, quaternions)
def test_the_product_is_scipys(a, b):
    expected = (Rotation.from_quat(a) * Rotation.from_quat(b)).as_quat()
    assert same_rotation(r.multiply(a, b), expected)


@given(quaternions, quaternions, quaternions)
def test_quaternions_are_a_group(a, b, c):
    left = r.multiply(r.multiply(a, b), c)
    right = r.multiply(a, r.multiply(b, c))
    np.testing.assert_allclose(left, right, atol=1e-12)
    identity = np.array((0.0, 0.0, 0.0, 1.0))
    np.testing.assert_allclose(r.multiply(a, r.conjugate(a)), identity, atol=1e-12)
    np.testing.assert_allclose(r.multiply(a, identity), a, atol=1e-15)


@given(rotation_vectors)
def test_logarithm_undoes_exponential(vector):
    quaternion = r.from_rotvec(vector)
    np.testing.assert_allclose(r.to_rotvec(quaternion), vector, atol=1e-9)
    assert np.linalg.norm(quaternion) == pytest.approx(1.0, abs=1e-12)
    assert same_rotation(quaternion, Rotation.from_rotvec(vector).as_quat())


@given(st.floats(0.0, 1e-5), vectors.filter(lambda v: np.linalg.norm(v) > 0.1))
def test_small_angles_are_smooth(angle, axis):
    vector = angle * axis / np.linalg.norm(axis)
    quaternion = r.from_rotvec(vector)
    np.testing.assert_allclose(r.to_rotvec(quaternion), vector, atol=1e-16, rtol=1e-9)


@given(quaternions)
def test_both_signs_are_one_rotation(quaternion):
    np.testing.assert_allclose(
        r.to_rotvec([-part for part in quaternion]),
        r.to_rotvec(quaternion),
        atol=1e-12,
    )
    np.testing.assert_allclose(r.canonical([-2.0 * part for part in quaternion]), r.canonical(quaternion), atol=1e-12)


@given(quaternions, vectors)
def test_matrices_are_scipys(quaternion, vector):
    expected = Rotation.from_quat(quaternion)
    np.testing.assert_allclose(r.to_matrix(quaternion), expected.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(r.rotate(quaternion, vector), expected.apply(vector), atol=1e-12)


@given(quaternions, quaternions, st.floats(0.0, 1.0))
def test_slerp_is_scipys(start, end, fraction):
    if r.angle_between(start, end) > math.pi - 1e-2:
        return  # Both ways are equally short.
    expected = Slerp([0.0, 1.0], Rotation.from_quat([start, end]))(fraction).as_quat()
    assert same_rotation(r.slerp(start, end, fraction), expected)


@given(poses, poses)
def test_poses_are_a_group(a_t_b, b_t_c):
    back = r.compose_poses(r.invert_pose(a_t_b), r.compose_poses(a_t_b, b_t_c))
    np.testing.assert_allclose(back.position, b_t_c.position, atol=1e-9)
    assert same_rotation(back.quaternion_xyzw, b_t_c.quaternion_xyzw)


@given(quaternions, twists)
def test_other_axes_about_the_same_point_mix_nothing(quaternion, twist):
    rotation = Rotation.from_quat(quaternion)
    expected = np.concatenate((rotation.apply(twist[:3]), rotation.apply(twist[3:])))
    np.testing.assert_allclose(r.rotate_six_vector(quaternion, twist), expected, atol=1e-12)


@pytest.mark.parametrize("bad", [(0.0, 0.0, 0.0, 0.0), (math.nan, 0.0, 0.0, 1.0), (math.inf, 0.0, 0.0, 1.0)])
def test_what_is_no_rotation_cannot_be_normalized(bad):
    with pytest.raises(ValueError, match="must be a rotation"):
        r.normalized(bad)


@given(quaternions, quaternions, st.floats(0.0, 1.0))
def test_slerp_divides_the_angle(start, end, ratio):
    assert abs(r.angle_between(start, r.slerp(start, end, ratio)) - ratio * r.angle_between(start, end)) < 1e-6


@given(st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1))
def test_normalized_quaternions_have_unit_length(quaternion):
    unit = r.normalized(quaternion)
    assert math.hypot(*unit) == pytest.approx(1.0, abs=1e-13)
    assert same_rotation(unit, Rotation.from_quat(quaternion).as_quat())
    assert np.linalg.norm(r.to_rotvec(unit)) <= math.pi + 1e-9
