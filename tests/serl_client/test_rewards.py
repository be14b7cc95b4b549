import math
from types import SimpleNamespace

import numpy as np
import pytest

from serl_client.rewards import DenseLift, NoReward, SparseLift
from serl_client.values import Pose

IDENTITY = np.array((0.0, 0.0, 0.0, 1.0))


def snapshot(cube, tcp=(0.0, 0.0, 0.0)):
    tracked = {"cube": SimpleNamespace(pose=Pose(np.array(cube, float), IDENTITY))}
    return SimpleNamespace(
        tracked_objects=tracked, state=SimpleNamespace(tcp_pose=Pose(np.array(tcp, float), IDENTITY))
    )


START = snapshot((0.4, 0.0, 0.02))


@pytest.mark.parametrize(("height", "success"), [(0.02, False), (0.1199, False), (0.1201, True), (0.5, True)])
def test_sparse_is_one_and_the_end_from_ten_centimetres(height, success):
    outcome = SparseLift()(START, snapshot((0.4, 0.0, height)))
    assert (outcome.reward, outcome.terminated, outcome.success) == (float(success), success, success)
    assert outcome.facts["lift"] == pytest.approx(height - 0.02)


@pytest.mark.parametrize(("height", "tcp_height"), [(0.02, 0.02), (0.02, 0.12), (0.12, 0.12), (0.5, 0.5)])
def test_dense_is_the_upstream_formula_and_never_ends(height, tcp_height):
    outcome = DenseLift()(START, snapshot((0.4, 0.0, height), (0.4, 0.0, tcp_height)))
    expected = 0.3 * math.exp(-20 * abs(height - tcp_height)) + 0.7 * np.clip((height - 0.02) / 0.2, 0, 1)
    assert outcome.reward == pytest.approx(expected)
    assert not outcome.terminated
    assert outcome.success is (height - 0.02 >= 0.1)


def test_none_needs_nothing():
    assert NoReward().tracked_objects == ()
    assert NoReward()(START, START).reward == 0.0
