import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_tasks.relocate_cube.places import LOWER, UPPER
from simulator.devices.cell import build_cell


@pytest.fixture
def cell():
    built = build_cell("relocate-cube", Pacing.LOCKSTEP, 0)
    yield built
    built.close()


def test_the_cube_lies_in_either_half_as_often_and_anywhere_there(cell):
    places = []
    for seed in range(300):
        cell.scene.reset(seed=seed, start=None, gripper_width=None)
        places.append(cell.scene.tracked_objects()[0].pose.position[:2])
    places = np.array(places)
    share = (places[:, 1] > 0).mean()
    mirrored = np.abs(places)
    assert 0.4 < share < 0.6
    assert (mirrored >= LOWER).all()
    assert (mirrored <= UPPER).all()
    np.testing.assert_allclose(mirrored.min(axis=0), LOWER, atol=0.01)
    np.testing.assert_allclose(mirrored.max(axis=0), UPPER, atol=0.01)


def test_the_mats_are_in_nobodys_way(cell):
    model = cell.scene.physics.model
    mats = np.flatnonzero(model.geom_matid == model.mat("mat").id)
    assert len(mats) == 2
    assert all(model.geom_contype[geom] == model.geom_conaffinity[geom] == 0 for geom in mats)


def test_the_cube_rests_on_the_table(cell):
    cell.timebase.wait_until(cell.timebase.now_ns() + 1_000_000_000)
    cube = cell.scene.tracked_objects()[0]
    assert abs(cube.pose.position[2] - 0.02) < 5e-4
    assert np.abs(cube.twist).max() < 1e-3
