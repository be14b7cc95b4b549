"""When an expert hesitates, and what it does then."""

import numpy as np

from serl_client.teleop.hesitation import HesitantExpert


class Grasping:
    """Goes on for three steps, then closes and lifts; counts how often it begins anew."""

    def __init__(self):
        self.begun = 0
        self.steps = 0

    def reset(self):
        self.begun += 1

    def action(self, observation, info):
        self.steps += 1
        return np.array((0.5, 1.0 if self.steps <= 3 else -1.0), np.float32)


def drive(steps, seed=0):
    expert = HesitantExpert(Grasping(), steps=steps, seed=seed)
    return np.array([expert.action({}, {}) for _ in range(20)]), expert


def test_it_stands_still_with_open_fingers_before_it_closes_them_and_then_begins_anew():
    actions, expert = drive((4, 4))
    assert actions[:3].tolist() == [[0.5, 1.0]] * 3
    assert actions[3:7].tolist() == [[0.0, 1.0]] * 4
    assert actions[7:].tolist() == [[0.5, -1.0]] * 13
    assert expert._expert.begun == 2


def test_how_long_is_drawn_within_its_bounds():
    lengths = {int((drive((2, 5), seed)[0][:, 0] == 0.0).sum()) for seed in range(40)}
    assert lengths == {2, 3, 4, 5}
