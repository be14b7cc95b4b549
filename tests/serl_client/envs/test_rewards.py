import math
from types import SimpleNamespace

import numpy as np
import pytest

from serl_api.values import Pose
from serl_client.envs.rewards import NoReward, PoseReached
from serl_tasks.peg_insert.task import SparseInsertion
from serl_tasks.pick_cube.task import DenseLift, SparseLift
from serl_tasks.relocate_cube.task import Relocated

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


def insertion(tip, mouth=(0.5, 0.0, 0.03), turn=IDENTITY):
    tracked = {
        "peg": SimpleNamespace(pose=Pose(np.array(tip, float), IDENTITY)),
        "socket": SimpleNamespace(pose=Pose(np.array(mouth, float), np.array(turn))),
    }
    return SimpleNamespace(tracked_objects=tracked)


@pytest.mark.parametrize(
    ("tip", "success"),
    [
        ((0.5, 0.0, 0.0), True),
        ((0.5, 0.0, 0.0049), True),
        ((0.5, 0.0, 0.0051), False),
        ((0.5041, 0.0, 0.0), False),
        ((0.53, 0.0, 0.0), False),
        ((0.5, 0.0, 0.06), False),
    ],
)
def test_insertion_counts_deep_in_the_hole_only(tip, success):
    outcome = SparseInsertion()(None, insertion(tip))
    assert (outcome.reward, outcome.terminated, outcome.success) == (float(success), success, success)
    assert outcome.facts["depth"] == pytest.approx(0.03 - tip[2])


def test_insertion_follows_the_socket_when_it_lies_on_its_side():
    half = math.sqrt(0.5)  # z of the mouth points along base x.
    outcome = SparseInsertion()(None, insertion((0.47, 0.001, 0.1), (0.5, 0.0, 0.1), (0.0, half, 0.0, half)))
    assert outcome.success
    assert outcome.facts["depth"] == pytest.approx(0.03)
    assert outcome.facts["offset"] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("position", "angle", "success"),
    [((0.509, -0.009, 0.0), 0.19, True), ((0.511, 0.0, 0.0), 0.0, False), ((0.5, 0.0, 0.0), 0.21, False)],
)
def test_pose_is_reached_within_a_centimetre_and_a_fifth_of_a_radian(position, angle, success):
    goal = Pose(np.array((0.5, 0.0, 0.0)), np.array((1.0, 0.0, 0.0, 0.0)))
    turned = np.array((math.cos(angle / 2), math.sin(angle / 2), 0.0, 0.0))
    now = SimpleNamespace(state=SimpleNamespace(tcp_pose=Pose(np.array(position), turned)), tracked_objects={})
    assert PoseReached(goal=goal)(None, now).success is success


@pytest.mark.parametrize(
    ("place", "width", "is_right", "is_left"),
    [
        ((0.4, -0.10, 0.02), 0.085, True, False),
        ((0.4, 0.10, 0.02), 0.085, False, True),
        ((0.4, -0.0599, 0.02), 0.085, False, False),  # Not far enough over.
        ((0.4, -0.0601, 0.02), 0.085, True, False),
        ((0.4, -0.10, 0.0301), 0.085, False, False),  # Still in the air.
        ((0.4, -0.10, 0.02), 0.059, False, False),  # Still held.
    ],
)
def test_relocated_is_over_lying_and_let_go_of(place, width, is_right, is_left):
    now = snapshot(place)
    now.state.gripper = SimpleNamespace(width=width)
    for side, success in (("right", is_right), ("left", is_left)):
        outcome = Relocated(side=side)(START, now)
        assert (outcome.reward, outcome.terminated, outcome.success) == (float(success), success, success)
    assert Relocated(side="left")(START, now).facts["distance_to_go"] == pytest.approx(max(0.0, 0.06 - place[1]))
