import dataclasses

import pytest

from serl_api.codec.compliance_bounds import COMPLIANCE_BOUNDS, require_compliance
from serl_api.errors.robot import LimitExceededError
from serl_api.values import FullCompliance


def refused(**values):
    with pytest.raises(LimitExceededError) as caught:
        require_compliance(FullCompliance(**values), lambda name: name)
    return str(caught.value)


def test_every_value_has_a_bound():
    assert set(COMPLIANCE_BOUNDS) == {field.name for field in dataclasses.fields(FullCompliance)}


@pytest.mark.parametrize(
    ("stiffness", "damping"), [(2000.0, 89.0), (3000.0, 89.0), (3000.0, 180.0), (0.0, 0.0), (6000.0, 80.0)]
)
def test_serls_translations_are_accepted(stiffness, damping):
    require_compliance(FullCompliance(translational_stiffness=stiffness, translational_damping=damping), str)


@pytest.mark.parametrize(("stiffness", "damping"), [(150.0, 7.0), (300.0, 9.0), (120.0, 5.0), (250.0, 9.0), (0.0, 0.0)])
def test_serls_rotations_are_accepted(stiffness, damping):
    require_compliance(FullCompliance(rotational_stiffness=stiffness, rotational_damping=damping), str)


def test_a_spring_that_would_swing_is_refused():
    text = refused(translational_stiffness=6000.0, translational_damping=0.0)
    assert text == (
        "translational_damping is 0 Ns/m, outside 77.4597 to 500 Ns/m; a stiffness of 6000 swings with less; raise the "
        "damping or lower the stiffness"
    )
    assert "rotational_damping is 1 Nms/rad" in refused(rotational_damping=1.0)


@pytest.mark.parametrize("name", sorted(COMPLIANCE_BOUNDS))
def test_a_value_beyond_its_bound_is_refused_with_the_bound(name):
    upper, unit = COMPLIANCE_BOUNDS[name]
    present = getattr(FullCompliance(), name)
    far = (upper * 2.0,) * 3 if isinstance(present, tuple) else upper * 2.0
    assert f"0 to {upper:g} {unit}" in refused(**{name: far})
