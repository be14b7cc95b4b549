"""Frames show what they should: each fact that changes changes its part of the picture."""

import dataclasses

import numpy as np
import pytest

from serl_rl.algorithms.algorithm import ActionValues
from serl_rl.visualization.labels import Labels
from serl_rl.visualization.overlay import draw_frame, plain_frame


def differs(one, other):
    """Box around the pixels in which two pictures differ: left, top, right, bottom; None for none."""
    rows, columns = np.nonzero((one != other).any(axis=2))
    return None if not len(rows) else (columns.min(), rows.min(), columns.max(), rows.max())


def changed(records, index, labels, **changes):
    """Box of what changes in a frame with some facts of it."""
    other = [dataclasses.replace(record, **changes) if at == index else record for at, record in enumerate(records)]
    return differs(draw_frame(records, index, labels), draw_frame(other, index, labels))


def test_all_frames_of_a_video_have_one_even_size(make_episode, labels):
    episodes = [make_episode(4), make_episode(7, success=False, intervention=True)]
    sizes = {draw_frame(episode, at, labels).shape for episode in episodes for at in range(len(episode))}
    assert len(sizes) == 1
    height, width, _ = sizes.pop()
    assert height % 2 == width % 2 == 0


def test_the_policy_s_cameras_are_enlarged_and_not_written_on(make_episode, labels):
    episode = make_episode()
    frame = draw_frame(episode, 2, labels)
    for index, camera in enumerate(("front", "wrist")):
        picture = frame[24 : 24 + 384, index * 388 : index * 388 + 384]
        np.testing.assert_array_equal(picture[6::12, 6::12], episode[2].cameras[camera])


def test_the_bystander_s_view_stands_in_for_cameras(make_episode, labels):
    scene = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    episode = make_episode(cameras={}, scene=scene)
    frame = draw_frame(episode, 0, dataclasses.replace(labels, cameras=()))
    np.testing.assert_array_equal(frame[:480, :640], scene)


@pytest.mark.parametrize("component", range(4))
def test_each_component_of_the_action_has_its_bar(make_episode, labels, component):
    episode = make_episode()
    action = episode[1].action.copy()
    action[component] = -0.9
    left, top, right, bottom = changed(episode, 1, labels, action=action)
    frame_width = draw_frame(episode, 1, labels).shape[1]
    assert left > frame_width / 2
    first_row = 24 + 384 + 38 + 24
    assert first_row + 24 * component <= top
    assert bottom < first_row + 24 * (component + 1)
    assert right <= frame_width - 10


def test_values_probability_and_reward_have_plots_one_below_the_other(make_episode, labels):
    episode = make_episode()
    value = changed(episode, 1, labels, values=ActionValues(arm=np.array([0.9, 0.9])))
    probability = changed(episode, 1, labels, probabilities={"success": 0.95})
    reward = changed(episode, 1, labels, reward=0.7)
    assert value[3] < probability[1]
    assert probability[3] < reward[1]
    assert max(value[2], probability[2], reward[2]) < 776 * 0.56


def test_the_spread_of_the_critics_is_seen(make_episode, labels):
    wide = ActionValues(arm=np.array([0.1, 0.7]))
    assert changed(make_episode(), 1, labels, values=wide) is not None
    narrow = make_episode()[1].values
    assert wide.mean == pytest.approx(narrow.mean)


def test_the_threshold_is_drawn(make_episode, labels):
    episode = make_episode()
    without = dataclasses.replace(labels, thresholds={})
    assert differs(draw_frame(episode, 1, labels), draw_frame(episode, 1, without)) is not None


def test_a_staged_reward_shows_its_stages(make_episode, labels):
    stages = {"success": 0.2, "grasped": 0.2, "lifted": 0.2}
    episode = make_episode(probabilities=stages)
    thresholds = {"grasped": 0.75, "lifted": 0.75}
    two = draw_frame(episode, 0, dataclasses.replace(labels, thresholds=thresholds))
    three = draw_frame(episode, 0, dataclasses.replace(labels, thresholds={}))
    assert three.shape[0] - two.shape[0] == 78 + 24


@pytest.mark.parametrize(
    "changes", [{"gripper_width": 0.01}, {"is_intervention": True}, {"time_s": 9.0}, {"episode": 8}, {"step": 3}]
)
def test_gripper_time_and_who_drove_are_shown(make_episode, labels, changes):
    assert changed(make_episode(), 1, labels, **changes) is not None


def test_success_and_failure_look_different_at_the_end_alone(make_episode, labels):
    won, lost = make_episode(), make_episode(success=False, probabilities={"success": 0.0})
    won = [dataclasses.replace(record, probabilities={"success": 0.0}, reward=0.0) for record in won]
    won[-1] = dataclasses.replace(won[-1], total_reward=0.0)
    lost = [dataclasses.replace(record, cameras=other.cameras) for record, other in zip(lost, won, strict=True)]
    assert differs(draw_frame(won, 2, labels), draw_frame(lost, 2, labels)) is None
    left, top, _, bottom = differs(draw_frame(won, 4, labels), draw_frame(lost, 4, labels))
    assert top >= 24 + 384
    assert bottom <= 24 + 384 + 38
    assert left > 776 / 2


def test_axes_do_not_move_within_an_episode(make_episode, labels):
    """What was drawn at one step stays where it is at the next: only the newest part of a curve is new."""
    episode = [dataclasses.replace(record, probabilities={}) for record in make_episode(30)]
    early, late = (draw_frame(episode, at, labels)[24 + 384 + 38 + 24 :, 48:150] for at in (20, 25))
    assert differs(early[:78], late[:78]) is None


def test_without_critics_grippers_and_classifiers_nothing_is_missing(make_episode):
    plain = {"values": None, "gripper_width": None, "probabilities": {}, "tcp_pose": None}
    episode = [dataclasses.replace(record, **plain) for record in make_episode()]
    frame = draw_frame(episode, 1, Labels(action=("x", "y", "z", "gripper"), cameras=("front", "wrist")))
    assert frame.shape[1] == 772


@pytest.mark.parametrize("values", [[-250.0, -3.0], [0.0, 0.0], [1e-4, 4e5]])
def test_any_size_of_value_fits(make_episode, labels, values):
    episode = make_episode(values=ActionValues(arm=np.array(values)))[:4]
    assert draw_frame(episode, 2, labels).shape[1] == 772


def test_a_plain_frame_is_pictures_and_one_line(make_episode):
    record = make_episode()[1]
    frame = plain_frame(record)
    assert frame.shape == (24 + 384 + 18, 772, 3)
    np.testing.assert_array_equal(frame[24 + 6 : 24 + 384 : 12, 6:384:12], record.cameras["front"])
