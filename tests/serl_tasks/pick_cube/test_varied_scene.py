import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_tasks.pick_cube.places import LOWER, UPPER
from serl_tasks.pick_cube.varied_scene import IN_AIR_RATIO, MAX_HEIGHT, PLAIN_RATIO
from simulator.devices.cell import build_cell


@pytest.fixture
def varied():
    built = build_cell("pick-cube-varied", Pacing.LOCKSTEP, 0)
    yield built
    built.close()


def draw(cell, seed):
    cell.scene.reset(seed=seed, start=None, gripper_width=None)
    model = cell.scene.physics.model
    return model.mat_rgba.copy(), model.light_diffuse.copy(), model.light_dir.copy()


def test_half_of_the_scenes_have_their_own_colours_and_lights(varied):
    model = varied.scene.physics.model
    own = (model.mat_rgba.copy(), model.light_diffuse.copy(), model.light_dir.copy())
    scenes = [draw(varied, seed) for seed in range(100)]
    plain = [all((a == b).all() for a, b in zip(scene, own, strict=True)) for scene in scenes]
    assert abs(np.mean(plain) - PLAIN_RATIO) < 0.15
    others = [scene for scene, is_plain in zip(scenes, plain, strict=True) if not is_plain]
    for values in zip(*others, strict=True):
        stacked = np.stack(values)
        assert np.isfinite(stacked).all()
        assert len(np.unique(stacked.reshape(len(others), -1), axis=0)) == len(others)
    colours = np.stack([scene[0] for scene in others])
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert (colours[..., 3] == colours[0, :, 3]).all()  # Nothing becomes transparent.
    np.testing.assert_allclose(np.linalg.norm(np.stack([scene[2] for scene in scenes]), axis=-1), 1.0)


def test_the_same_seed_draws_the_same_scene(varied):
    one = draw(varied, 5)
    draw(varied, 6)
    for first, second in zip(one, draw(varied, 5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_cube_is_in_the_air_at_times(varied):
    heights = []
    for seed in range(200):
        draw(varied, seed)
        cube = varied.scene.tracked_objects()[0]
        assert (cube.pose.position[:2] >= LOWER).all()
        assert (cube.pose.position[:2] <= UPPER).all()
        heights.append(cube.pose.position[2])
    heights = np.array(heights)
    assert heights.min() >= 0.0199
    assert heights.max() <= MAX_HEIGHT
    assert abs((heights > 0.021).mean() - IN_AIR_RATIO) < 0.1
