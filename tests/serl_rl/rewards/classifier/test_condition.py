import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.rewards.classifier.condition import StateCondition

INFO = {"tcp_pose": np.array([0.4, 0.0, 0.07, 0, 0, 0, 1]), "gripper_width": 0.03}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tcp_pose[2] > 0.04", True),
        ("tcp_pose[2]>0.08", False),
        ("gripper_width < 0.04", True),
        ("gripper_width<3e-2", False),
    ],
)
def test_conditions_in_si_units(text, holds):
    assert StateCondition.parse(text)({}, INFO) is holds


@given(st.integers(0, 6), st.sampled_from("<>"), st.floats(-10, 10))
def test_reading_is_the_inverse_of_writing(index, sign, bound):
    condition = StateCondition(key="tcp_pose", index=index, sign=sign, bound=bound)
    assert StateCondition.parse(f"tcp_pose[{index}] {sign} {bound!r}") == condition


@pytest.mark.parametrize("text", ["", "tcp_pose", "tcp_pose[2] >= 1", "tcp_pose[x] > 1", "a > 1e", "a > 1; import os"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="is no condition; write one such as"):
        StateCondition.parse(text)


@pytest.mark.parametrize("text", ["height > 1", "tcp_pose[7] > 1"])
def test_numbers_that_a_step_lacks_are_refused(text):
    with pytest.raises(ValueError, match="its info has gripper_width, tcp_pose"):
        StateCondition.parse(text)({}, INFO)
