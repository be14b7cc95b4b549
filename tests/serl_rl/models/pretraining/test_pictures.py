import numpy as np
import pytest

from serl_api.errors.robot import FaultError
from serl_client.simulator import SimulatorClient
from serl_rl.models.pretraining import pictures as module
from serl_rl.models.pretraining.pictures import draw_pictures

TASK = "pick-cube-varied"


@pytest.fixture(scope="module")
def pictures():
    return draw_pictures(TASK, 12, seed=3)


def test_pictures_and_keypoints_fit(pictures):
    assert set(pictures.images) == {"front", "wrist"}
    assert all(images.shape == (12, 128, 128, 3) for images in pictures.images.values())
    assert all(images.dtype == np.uint8 for images in pictures.images.values())
    assert pictures.keypoints.shape == (12, 10)
    cube, tcp, between = pictures.keypoints[:, :3], pictures.keypoints[:, 3:6], pictures.keypoints[:, 6:9]
    np.testing.assert_allclose(between, cube - tcp, atol=1e-6)
    assert (cube[:, 2] > 0.019).all()


def test_scenes_differ_in_place_and_light(pictures):
    assert len(np.unique(pictures.keypoints[:, 0])) == 12
    assert np.ptp(pictures.keypoints[:, 9]) > 0.02
    colours = pictures.images["front"].mean((1, 2))
    assert (colours.std(0) > 5).all()


def test_the_same_seed_draws_the_same_pictures_and_stops_when_told(pictures):
    again = draw_pictures(TASK, 12, seed=3, on_scene=lambda done: done < 2)
    assert len(again) == 2
    np.testing.assert_array_equal(again.keypoints, pictures.keypoints[:2])
    np.testing.assert_array_equal(again.images["wrist"], pictures.images["wrist"][:2])


def test_a_reflex_of_the_simulated_arm_does_not_end_it(monkeypatch):
    """Now and then the cube is drawn where the arm is, and the arm stops by reflex."""
    faults = []
    draw = module._try_scene

    def draw_after_a_reflex(client, *rest):
        if not faults:
            SimulatorClient(client.connection).trigger_contact_reflex()
        try:
            return draw(client, *rest)
        except FaultError as error:
            faults.append(error)
            raise

    monkeypatch.setattr(module, "_try_scene", draw_after_a_reflex)
    assert len(draw_pictures(TASK, 3, seed=0)) == 3
    assert len(faults) == 1


def test_any_scene_gives_its_tracked_objects():
    drawn = draw_pictures("peg-insert", 2, seed=0)
    assert drawn.names[:3] == ("peg_x", "peg_y", "peg_z")
    assert drawn.names[-4:] == ("tcp_to_socket_x", "tcp_to_socket_y", "tcp_to_socket_z", "gripper_width")
    assert drawn.keypoints.shape == (2, len(drawn.names)) == (2, 16)
