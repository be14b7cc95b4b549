import numpy as np

from serl_tasks.pick_cube.places import LOWER, UPPER


def test_the_cube_lies_anywhere_in_its_area_at_any_angle(cell):
    places, yaws = [], []
    for seed in range(300):
        cell.scene.reset(seed=seed, start=None, gripper_width=None)
        cube = cell.scene.tracked_objects()[0]
        places.append(cube.pose.position[:2])
        yaws.append(2.0 * np.arctan2(cube.pose.quaternion_xyzw[2], cube.pose.quaternion_xyzw[3]))
    places = np.array(places)
    assert (places >= LOWER).all()
    assert (places <= UPPER).all()
    np.testing.assert_allclose(places.min(axis=0), LOWER, atol=0.02)
    np.testing.assert_allclose(places.max(axis=0), UPPER, atol=0.02)
    assert np.ptp(yaws) > 6.0


def test_the_cube_rests_on_the_table(cell, run_for):
    run_for(1.0)
    cube = cell.scene.tracked_objects()[0]
    assert abs(cube.pose.position[2] - 0.02) < 5e-4
    assert np.abs(cube.twist).max() < 1e-3


def test_the_cube_weighs_100_g_and_its_edge_is_4_cm(cell):
    model = cell.scene.physics.model
    assert model.body("cube").mass[0] == 0.1
    np.testing.assert_array_equal(model.geom("cube").size, [0.02, 0.02, 0.02])
