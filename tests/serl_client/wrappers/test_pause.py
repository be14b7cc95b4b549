import numpy as np
import pytest

from serl_client.wrappers import Pause

STILL = np.zeros(4, np.float32)


class Person:
    """Does something at a look of the wrapper at its keys."""

    def __init__(self, what, at):
        self.what, self.at, self.looks = what, at, 0

    def __call__(self, seconds):
        self.looks += 1
        if self.looks == self.at:
            self.what()


def test_without_the_key_nothing_waits(make_env, keys):
    env = Pause(make_env(), keys, sleep=lambda seconds: pytest.fail("it waited"))
    env.reset()
    assert env.step(STILL)[1] == 0.25


@pytest.mark.parametrize("method", ["reset", "step"])
def test_the_key_holds_and_lets_go(make_env, keys, tap, method):
    said = []
    person = Person(lambda: tap("p"), at=3)
    inner = make_env()
    env = Pause(inner, keys, say=said.append, sleep=person)
    env.reset()
    tap("p")
    if method == "reset":
        env.reset()
        assert inner.resets == 2
    else:
        env.step(STILL)
        assert inner.steps == 1
    assert person.looks == 3
    assert said == ["paused; p goes on", "going on"]


def test_a_signal_ends_a_pause(make_env, keys, tap):
    stopped = []
    env = Pause(make_env(), keys, should_stop=lambda: bool(stopped), sleep=Person(lambda: stopped.append(1), at=2))
    env.reset()
    tap("p")
    env.step(STILL)
    assert stopped
