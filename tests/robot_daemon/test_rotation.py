import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robot_daemon.rotation import angle_between, conjugate, from_rotvec, multiply, normalized, slerp, to_rotvec

rotations = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1).map(normalized)
vectors = st.tuples(*[st.floats(-1.7, 1.7)] * 3)


def same(a, b):
    return angle_between(a, b) < 1e-6


@given(rotations, rotations)
def test_multiplication_agrees_with_scipy(a, b):
    assert same(multiply(a, b), tuple((Rotation.from_quat(a) * Rotation.from_quat(b)).as_quat()))


@given(rotations)
def test_the_conjugate_undoes_a_rotation(a):
    assert same(multiply(a, conjugate(a)), (0.0, 0.0, 0.0, 1.0))


@given(vectors)
def test_rotation_vectors_agree_with_scipy(vector):
    assert same(from_rotvec(vector), tuple(Rotation.from_rotvec(vector).as_quat()))


@given(rotations)
def test_rotation_vectors_are_inverse(a):
    assert same(from_rotvec(to_rotvec(a)), a)
    assert np.linalg.norm(to_rotvec(a)) <= math.pi + 1e-9


@given(rotations, rotations, st.floats(0.0, 1.0))
def test_slerp_divides_the_angle(a, b, ratio):
    assert abs(angle_between(a, slerp(a, b, ratio)) - ratio * angle_between(a, b)) < 1e-6
