import numpy as np
import pytest

from serl_client.wrappers import HumanReward, RecordingKeys

STILL = np.zeros(4, np.float32)


class Looks:
    """Does something at certain looks of the wrapper."""

    def __init__(self, **what):
        self.count = 0
        self.what = {int(name[2:]): action for name, action in what.items()}

    def __call__(self, seconds):
        self.count += 1
        self.what.get(self.count, lambda: None)()


def test_an_episode_begins_when_the_hand_moves(make_env, keys):
    moves, said = [], []
    looks = Looks(at4=lambda: moves.append(True))
    env = RecordingKeys(make_env(), keys, is_asking=lambda: bool(moves), say=said.append, sleep=looks)
    env.reset()
    assert looks.count == 4
    assert said == ["ready; move to begin"]


def test_a_signal_ends_the_wait(make_env, keys):
    stopped = []
    env = RecordingKeys(
        make_env(),
        keys,
        is_asking=lambda: False,
        should_stop=lambda: bool(stopped),
        sleep=Looks(at2=lambda: stopped.append(True)),
    )
    env.reset()
    assert stopped


def test_the_discard_key_ends_an_episode_unkept(make_env, keys, tap):
    env = RecordingKeys(make_env(), keys)
    env.reset()
    assert env.step(STILL)[3] is False
    tap("backspace")
    *_, terminated, truncated, info = env.step(STILL)
    assert (terminated, truncated, info["discarded"]) == (False, True, True)


def test_between_episodes_the_discard_key_takes_the_last_one_back(make_env, keys, tap):
    moves, taken, said = [], [], []

    def take_back():
        taken.append(True)
        return len(taken) == 1

    looks = Looks(at1=lambda: tap("backspace"), at3=lambda: tap("backspace"), at5=lambda: moves.append(True))
    env = RecordingKeys(
        make_env(), keys, is_asking=lambda: bool(moves), take_back=take_back, say=said.append, sleep=looks
    )
    env.reset()
    assert said == ["ready; move to begin", "took back the last episode", "there is no episode to take back"]
    assert env.step(STILL)[3] is False


def test_a_label_lasts_while_the_key_is_held_and_a_tap_labels_one_step(make_env, keys, tap):
    env = RecordingKeys(make_env(), keys, labels=True)
    env.reset()

    def label():
        return env.step(STILL)[-1]["success_label"]

    assert label() is False
    keys.press("space")
    assert [label(), label()] == [True, True]
    keys.release("space")
    assert label() is False
    tap("space")
    assert [label(), label()] == [True, False]


def test_without_labels_the_info_says_nothing(make_env, keys):
    env = RecordingKeys(make_env(), keys)
    env.reset()
    assert "success_label" not in env.step(STILL)[-1]


def test_a_judged_step_is_labelled_as_it_was_judged(make_env, keys, tap):
    env = RecordingKeys(HumanReward(make_env(), keys), keys, labels=True)
    env.reset()
    tap("y")
    assert env.step(STILL)[-1]["success_label"] is True
    keys.press("space")
    tap("n")
    assert env.step(STILL)[-1]["success_label"] is False


@pytest.mark.parametrize("key", ["y", "n"])
def test_a_verdict_before_the_hand_moves_is_about_no_episode(make_env, keys, tap, key):
    moves = []
    looks = Looks(at2=lambda: tap(key), at4=lambda: moves.append(True))
    env = RecordingKeys(HumanReward(make_env(), keys), keys, is_asking=lambda: bool(moves), sleep=looks)
    env.reset()
    assert env.step(STILL)[2] is False


@pytest.mark.parametrize("key", ["backspace", "space"])
def test_a_key_between_episodes_counts_for_nothing_in_the_next(make_env, keys, tap, key):
    env = RecordingKeys(make_env(), keys, labels=True)
    tap(key)
    env.reset()
    *_, truncated, info = env.step(STILL)
    assert not truncated
    assert info["success_label"] is False
