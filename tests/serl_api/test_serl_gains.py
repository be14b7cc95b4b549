import pytest

from serl_api.serl_gains import compliance_from_serl
from tests.support.serl_parameters import RAM_INSERTION


def test_a_negative_clip_of_serl_bounds_the_pull_towards_positive_axes():
    compliance = compliance_from_serl(RAM_INSERTION)
    assert compliance.translational_clip_positive == (0.002, 0.0016, 0.005)
    assert compliance.translational_clip_negative == (0.0075, 0.0016, 0.0055)


def test_half_angles_become_angles():
    compliance = compliance_from_serl(RAM_INSERTION)
    assert compliance.rotational_clip_positive == compliance.rotational_clip_negative == (0.02, 0.05, 0.01)
    assert (compliance.rotational_stiffness, compliance.rotational_damping) == (75.0, 7.0)


def test_what_is_left_out_stays_as_it_is():
    compliance = compliance_from_serl({"translational_stiffness": 1000.0})
    assert compliance.translational_stiffness == 1000.0
    assert compliance.translational_clip_negative is None
    assert compliance.rotational_stiffness is None


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"translational_clip_minus_x": 0.1}, '"translational_clip_minus_x" is no compliance parameter of SERL; use'),
        ({"translational_clip_neg_x": 0.1}, "translational_clip_neg_y is missing; give all three axes of"),
        ({"rotational_Ki": 0.1}, "rotational_Ki is 0.1; there is no integral gain here: set it to 0"),
    ],
)
def test_what_cannot_be_translated_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match="^" + sentence.replace(".", r"\.")):
        compliance_from_serl(parameters)
