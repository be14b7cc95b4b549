import threading

import numpy as np
import pytest

from simulator.physics.rendering import Orbit, Renderer, RenderError, View

FRONT = View(width=128, height=128, camera="front")
WRIST = View(width=128, height=128, camera="wrist")


@pytest.fixture
def renderer(cell):
    try:
        cell.scene.renderer.render(FRONT)
    except RenderError as error:
        pytest.skip(str(error))
    return cell.scene.renderer


def redness(rgb):
    red, green, blue = rgb[..., 0].astype(int), rgb[..., 1].astype(int), rgb[..., 2].astype(int)
    return (red > 130) & (red > 2 * green) & (red > 2 * blue)


def test_no_context_is_made_before_a_frame_is_asked_for(cell):
    cell.timebase.wait_until(100_000_000)
    assert not cell.scene.renderer.is_running


def test_images_have_the_asked_size_and_their_instant(renderer, cell):
    cell.timebase.wait_until(cell.timebase.now_ns() + 20_000_000)
    rgb, time_ns = renderer.render(View(width=200, height=120, camera="front"))
    assert (rgb.shape, rgb.dtype) == ((120, 200, 3), np.uint8)
    assert time_ns == cell.timebase.now_ns()


def test_the_front_camera_sees_the_cube_wherever_it_lies(renderer, cell):
    for seed in range(12):
        cell.scene.reset(seed=seed, start=None, gripper_width=None)
        assert redness(renderer.render(FRONT)[0]).sum() > 15


def test_image_right_of_the_front_camera_is_positive_y(renderer, cell, park_cube):
    columns = []
    for y in (-0.2, 0.2):
        park_cube(x=0.5, y=y)
        columns.append(np.nonzero(redness(renderer.render(FRONT)[0]))[1].mean())
    assert columns[0] < 64 < columns[1]


def test_the_wrist_camera_sees_the_cube_between_the_fingers(renderer, cell, park_cube):
    park_cube(x=0.4, y=0.0)
    seen = np.nonzero(redness(renderer.render(WRIST)[0]))
    assert len(seen[0]) > 30
    assert seen[1].mean() == pytest.approx(64, abs=8)


def test_the_same_state_gives_the_same_image(renderer, cell):
    np.testing.assert_array_equal(renderer.render(FRONT)[0], renderer.render(FRONT)[0])


def test_any_thread_may_draw(renderer):
    images = []
    threads = [threading.Thread(target=lambda: images.append(renderer.render(FRONT)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(images) == 4
    assert all((image == images[0]).all() for image in images)


def test_a_fine_orbit_view_may_be_larger(renderer):
    orbit = Orbit(target=(0.3, 0.0, 0.2), distance=1.7, azimuth=2.4, elevation=0.4)
    rgb, _ = renderer.render(View(width=320, height=240, orbit=orbit, fine=True))
    assert rgb.shape == (240, 320, 3)
    assert rgb.std() > 20


def test_without_opengl_one_sentence_names_the_packages(cell, monkeypatch):
    def refuse(name):
        raise ImportError(f"no {name}")

    monkeypatch.setattr("simulator.physics.rendering.importlib.import_module", refuse)
    renderer = Renderer(cell.scene.physics)
    with pytest.raises(RenderError, match=r"libegl1.*libosmesa6"):
        renderer.render(FRONT)
    renderer.close()
