import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.drivers.franka.loads import combined_load
from serl_api.values import Load

NOTHING = Load(mass=0.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9)
POINT = st.tuples(st.floats(0.01, 1.0), st.tuples(*[st.floats(-0.2, 0.2)] * 3))


def load_of_points(points):
    """The load that some point masses are."""
    masses = np.array([mass for mass, _ in points])
    places = np.array([place for _, place in points])
    center = masses @ places / masses.sum()
    away = places - center
    inertia = sum(mass * (way @ way * np.eye(3) - np.outer(way, way)) for mass, way in zip(masses, away, strict=True))
    return Load(mass=masses.sum(), center_of_mass=tuple(center), inertia=tuple(np.ravel(inertia)))


@given(tool=st.lists(POINT, min_size=1, max_size=4), held=st.lists(POINT, min_size=1, max_size=4))
def test_two_loads_are_the_load_of_all_their_points(tool, held):
    combined, expected = combined_load(load_of_points(tool), load_of_points(held)), load_of_points([*tool, *held])
    np.testing.assert_allclose(combined.mass, expected.mass)
    np.testing.assert_allclose(combined.center_of_mass, expected.center_of_mass, atol=1e-12)
    np.testing.assert_allclose(combined.inertia, expected.inertia, atol=1e-12)


def test_nothing_beside_nothing_is_nothing():
    assert combined_load(NOTHING, NOTHING) == NOTHING


def test_an_object_without_inertia_is_a_point():
    held = combined_load(NOTHING, Load(mass=0.5, center_of_mass=(0.0, 0.0, 0.1), inertia=()))
    assert held.center_of_mass == (0.0, 0.0, 0.1)
    np.testing.assert_allclose(held.inertia, 0.0)
