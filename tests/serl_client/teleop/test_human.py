"""When a person is in control, and what their hand becomes as an action."""

import logging

import numpy as np
import pytest

from serl_client.teleop.devices.device import TeleopSample
from serl_client.teleop.devices.keyboard import KeyboardDevice
from serl_client.teleop.devices.keys import PressedKeys
from serl_client.teleop.human import HumanIntervention

POLICY = np.array((0.1, 0.2, 0.3, 0.4), np.float32)


class Hand:
    """A device that a test moves."""

    def __init__(self, name="hand"):
        self.name = name
        self.fault = ""
        self.help = ""
        self.twist = np.zeros(6)
        self.gripper = 0.0

    def read(self):
        is_here = not self.fault
        return TeleopSample(
            twist=self.twist if is_here else np.zeros(6),
            gripper=self.gripper if is_here else 0.0,
            buttons=frozenset(),
            time=0.0,
            is_connected=is_here,
        )

    def close(self):
        pass


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def make_teacher(hand, clock):
    def make(size=4, width=0.085, **options):
        teacher = HumanIntervention([hand], size, clock=clock, hold_s=0.2, **options)
        teacher.reset({}, {"gripper_width": width})
        return teacher

    return make


def ask(teacher, action=POLICY):
    taught = teacher.intervene(action, {}, {})
    return None if taught is None else taught.tolist()


def test_a_hand_at_rest_leaves_the_policy_alone(make_teacher):
    assert ask(make_teacher()) is None


@pytest.mark.trap
def test_a_moving_hand_takes_over_and_for_a_while_after(make_teacher, hand, clock):
    teacher = make_teacher()
    hand.twist = np.array((0.5, 0, -0.5, 1, 1, 1))
    assert ask(teacher) == [0.5, 0, -0.5, 1]
    hand.twist = np.zeros(6)
    clock.now += 0.19
    assert ask(teacher) == [0, 0, 0, 1]
    clock.now += 0.02
    assert ask(teacher) is None


@pytest.mark.parametrize(("size", "expected"), [(3, 3), (4, 4), (6, 6), (7, 7)])
def test_the_action_has_the_environments_size(make_teacher, hand, size, expected):
    teacher = make_teacher(size)
    hand.twist = np.array((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    taught = teacher.intervene(np.zeros(size, np.float32), {}, {})
    assert taught.shape == (expected,)
    assert taught.dtype == np.float32
    moving = size if size in (3, 6) else size - 1
    np.testing.assert_allclose(taught[:moving], hand.twist[:moving], rtol=1e-6)


def test_an_absolute_gripper_stays_as_it_was_at_the_start(make_teacher, hand):
    teacher = make_teacher(width=0.0425, max_gripper_width=0.085)
    hand.twist = np.ones(6)
    assert ask(teacher)[-1] == 0.0


def test_an_absolute_gripper_stays_as_the_policy_had_it(make_teacher, hand):
    teacher = make_teacher()
    assert ask(teacher) is None
    hand.twist = np.ones(6)
    assert ask(teacher)[-1] == pytest.approx(0.4)


def test_an_absolute_gripper_stays_as_the_button_left_it(make_teacher, hand, clock):
    teacher = make_teacher()
    hand.gripper = -1.0
    assert ask(teacher) == [0, 0, 0, -1]
    hand.gripper = 0.0
    hand.twist = np.ones(6)
    assert ask(teacher) == [1, 1, 1, -1]


@pytest.mark.trap
def test_a_binary_gripper_is_told_only_while_the_button_is_down(make_teacher, hand):
    teacher = make_teacher(gripper_action="binary")
    hand.gripper = -1.0
    assert ask(teacher)[-1] == -1.0
    hand.gripper = 0.0
    hand.twist = np.ones(6)
    assert ask(teacher)[-1] == 0.0


def test_alone_the_person_is_always_in_control(make_teacher, clock):
    teacher = make_teacher(is_alone=True, width=0.085)
    clock.now += 60.0
    assert ask(teacher) == [0, 0, 0, 1]


def test_an_unplugged_device_gives_the_arm_back_and_says_so_once(make_teacher, hand, clock, caplog):
    caplog.set_level(logging.INFO)
    teacher = make_teacher()
    hand.twist = np.ones(6)
    assert ask(teacher) is not None
    hand.fault = "hand was unplugged; it asks for nothing"
    clock.now += 1.0
    assert ask(teacher) is None
    assert ask(teacher) is None
    assert [record.message for record in caplog.records] == ["hand was unplugged; it asks for nothing"]
    hand.fault = ""
    assert ask(teacher) is not None
    assert caplog.records[-1].message == "hand is back"


def test_two_hands_drive_two_arms(clock):
    left, right = Hand("left"), Hand("right")
    teacher = HumanIntervention([left, right], 14, clock=clock)
    teacher.reset({}, {"gripper_width": np.array((0.0, 0.085))})
    right.twist = np.full(6, 0.5)
    assert teacher.intervene(np.zeros(14), {}, {}).tolist() == [0] * 6 + [-1] + [0.5] * 6 + [1]


@pytest.mark.parametrize(("devices", "size"), [(1, 5), (2, 7), (0, 7)])
def test_an_action_that_no_hand_fits_is_refused(devices, size):
    with pytest.raises(ValueError, match=f"cannot drive an action of {size}"):
        HumanIntervention([Hand()] * devices, size)


def test_what_was_pressed_before_an_episode_begins_none(clock):
    keys = PressedKeys(0.15, clock)
    teacher = HumanIntervention((KeyboardDevice(keys, clock=clock),), 4, clock=clock)
    for key in ("w", "c"):
        keys.press(key)
    clock.now += 1.0
    teacher.reset({}, {})
    assert not teacher.is_asking()
    assert teacher.intervene(POLICY, {}, {}) is None
    keys.press("w")
    assert teacher.is_asking()
