import dataclasses

import numpy as np
import pytest
from gymnasium import spaces

from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec, SpecError, difference

OBSERVATION = spaces.Dict(
    {"state": spaces.Box(-1, 1, (2,), np.float32), "wrist": spaces.Box(0, 255, (4, 4, 3), np.uint8)}
)
ACTION = spaces.Box(-1, 1, (3,), np.float32)


@pytest.fixture
def image_spec():
    return EnvironmentSpec.from_spaces("test/Images-v0", OBSERVATION, ACTION, {"state": ("x", "y")})


@pytest.mark.trap
def test_spaces_become_a_spec_in_their_order(image_spec):
    assert [array.name for array in image_spec.observation] == list(OBSERVATION.spaces)
    assert {array.name: array.shape for array in image_spec.observation} == {"state": (2,), "wrist": (4, 4, 3)}
    assert image_spec.vectors[0].component_names == ("x", "y")
    assert (image_spec.action_size, image_spec.vector_size) == (3, 2)


def test_spec_survives_the_wire(image_spec):
    assert EnvironmentSpec.from_proto(image_spec.to_proto()) == image_spec


def test_equal_specs_have_no_difference(image_spec):
    assert difference(image_spec, EnvironmentSpec.from_proto(image_spec.to_proto())) is None


@pytest.mark.trap
def test_difference_names_field_and_both_values(spec, make_spec):
    assert difference(spec, make_spec(observation_size=4)) == ("observation.state.shape", "(3,)", "(4,)")
    assert difference(spec, make_spec(action_size=4)) == ("action.shape", "(2,)", "(4,)")
    other = dataclasses.replace(spec, environment="other")
    assert difference(spec, other) == ("environment", "test/Reach-v0", "other")


def test_difference_sees_the_order_of_components(spec):
    x, y = (
        dataclasses.replace(spec, action=dataclasses.replace(spec.action, component_names=names))
        for names in (("x", "y"), ("y", "x"))
    )
    assert difference(x, y) == ("action.component_names", "('x', 'y')", "('y', 'x')")


def test_difference_sees_a_missing_array(image_spec):
    fewer = dataclasses.replace(image_spec, observation=image_spec.observation[:1])
    found = difference(image_spec, fewer)
    assert found is not None
    assert found[0] == "observation"


def test_action_space_beyond_one_is_refused():
    with pytest.raises(SpecError, match=r"from -2.0 to 2.0; scale it to \[-1, 1\]"):
        EnvironmentSpec.from_spaces("test", OBSERVATION, spaces.Box(-2, 2, (3,), np.float32))


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.Dict({"state": spaces.Discrete(3)})])
def test_other_spaces_are_refused(space):
    with pytest.raises(SpecError):
        EnvironmentSpec.from_spaces("test", space, ACTION)


def test_component_names_must_match_the_shape():
    with pytest.raises(SpecError, match="1 component names for shape"):
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,), component_names=("x",))


def test_equal_names_are_refused(spec):
    with pytest.raises(SpecError, match="unique names"):
        dataclasses.replace(spec, observation=spec.observation * 2)


def test_double_precision_action_is_refused(spec):
    with pytest.raises(SpecError, match="float64"):
        dataclasses.replace(spec, action=dataclasses.replace(spec.action, dtype=np.dtype(np.float64)))


def test_unnamed_or_empty_arrays_are_refused():
    with pytest.raises(SpecError, match="0 bytes"):
        ArraySpec(name="", dtype=np.dtype(np.float32), shape=(2,))
    with pytest.raises(SpecError, match="at least 1"):
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(0,))
