"""Ways to execute chunks: order, closed form of the ensemble, and borders in real time."""

import threading

import numpy as np
import pytest

from serl_rl.algorithms.act.execution.ensemble import TemporalEnsemble
from serl_rl.algorithms.act.execution.open_loop import OpenLoop
from serl_rl.algorithms.act.execution.real_time import RealTimeChunks

SIZE = 8


class Walk:
    """Predicts a smooth motion whose phase each prediction guesses anew; remembers when it was asked."""

    def __init__(self, errors=0.0):
        self.rng = np.random.default_rng(0)
        self.errors = errors
        self.asked = []
        self.chunks = []

    def __call__(self, observation):
        step = int(observation["step"])
        self.asked.append(step)
        phase = self.rng.uniform(-self.errors, self.errors)
        self.chunks.append(np.sin(0.2 * (step + np.arange(SIZE)) + phase)[:, None].astype(np.float32))
        return self.chunks[-1]


def actions(executor, count, first=0):
    return np.array([executor.action({"step": np.array(step)})[0] for step in range(first, first + count)])


@pytest.fixture
def real_time(request):
    """Makes an executor whose steps last no time of their clock."""
    made = []

    def make(predict, **values):
        settings = {"steps": 5, "committed": 3, "blended": 2, "step_s": 0.1, "clock": lambda: 0.0}
        made.append(RealTimeChunks(predict, **(settings | values)))
        return made[-1]

    yield make
    for executor in made:
        executor.begin_episode()


def test_open_loop_executes_each_chunk_from_its_beginning():
    walk = Walk()
    np.testing.assert_allclose(actions(OpenLoop(walk, 5), 12), np.sin(0.2 * np.arange(12)), atol=1e-6)
    assert walk.asked == [0, 5, 10]


def test_an_episode_begins_with_a_chunk_of_its_own():
    walk = Walk()
    executor = OpenLoop(walk, 5)
    actions(executor, 2)
    executor.begin_episode()
    actions(executor, 1, first=40)
    assert walk.asked == [0, 40]


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.5])
def test_ensemble_is_its_closed_form(decay):
    walk = Walk(errors=1.0)
    executor = TemporalEnsemble(walk, decay)
    for _ in range(2):  # An episode forgets the one before.
        walk.chunks.clear()
        executor.begin_episode()
        found = actions(executor, 20)
        for step, value in enumerate(found):
            oldest = max(0, step - SIZE + 1)
            said = [walk.chunks[query][step - query, 0] for query in range(oldest, step + 1)]
            weights = np.exp(-decay * np.arange(len(said)))
            assert value == pytest.approx((weights * said).sum() / weights.sum(), abs=1e-6)


def test_in_real_time_each_chunk_is_begun_before_the_last_one_ends(real_time):
    walk = Walk()
    found = actions(real_time(walk, committed=2, steps=4), 30)
    np.testing.assert_allclose(found, np.sin(0.2 * np.arange(30)), atol=1e-6)
    assert walk.asked[:14] == list(range(0, 28, 2))  # The thread may not have come to the last one yet.


def test_committed_actions_are_kept_and_borders_fade(real_time):
    walk = Walk(errors=0.5)
    found = actions(real_time(walk, steps=SIZE - 3), 8)
    old, new = walk.chunks[0][:, 0], walk.chunks[1][:, 0]
    assert walk.asked[:2] == [0, 2]
    np.testing.assert_array_equal(found[:5], old[:5])
    np.testing.assert_allclose(found[5], 2 / 3 * old[5] + 1 / 3 * new[3], atol=1e-6)


def test_borders_keep_to_the_velocity_of_the_chunks(real_time):
    walk = Walk(errors=0.3)
    found = actions(real_time(walk, steps=SIZE - 2, committed=2, blended=1), 60)
    inside = max(np.abs(np.diff(chunk[:, 0])).max() for chunk in walk.chunks)
    apart = walk.asked[2] - walk.asked[1]
    pairs = zip(walk.chunks, walk.chunks[1:], strict=False)
    between = max(np.abs(old[apart:, 0] - new[: SIZE - apart, 0]).max() for old, new in pairs)
    assert np.abs(np.diff(found)).max() <= inside + between / 2 + 1e-6


class Late(Walk):
    """Answers the first question at once, and later ones when it is let."""

    def __init__(self):
        super().__init__()
        self.released = threading.Event()

    def __call__(self, observation):
        if self.asked:
            assert self.released.wait(30)
        return super().__call__(observation)


def test_a_late_network_is_not_waited_for_while_the_old_chunk_lasts(real_time):
    late, now = Late(), [0.0]
    executor = real_time(late, clock=lambda: now[0])
    found = []
    for step in range(SIZE):
        now[0] = 0.1 * step
        found.append(executor.action({"step": np.array(step)})[0])
    np.testing.assert_allclose(found, np.sin(0.2 * np.arange(SIZE)), atol=1e-6)
    threading.Timer(0.05, late.released.set).start()
    rest = actions(executor, 1, first=SIZE)  # Now the old one has ended.
    assert late.asked == [0, 2]
    np.testing.assert_allclose(rest, np.sin(0.2 * SIZE), atol=1e-6)


def test_an_error_of_the_network_reaches_the_caller(real_time):
    def fail(observation):
        if int(observation["step"]):
            raise ValueError("no image")
        return np.zeros((SIZE, 1), np.float32)

    executor = real_time(fail)
    with pytest.raises(ValueError, match="no image"):
        actions(executor, 10)


def test_a_chunk_that_is_being_computed_is_no_part_of_the_next_episode(real_time):
    walk = Walk()
    executor = real_time(walk)
    actions(executor, 4)
    executor.begin_episode()
    found = actions(executor, 10, first=100)
    np.testing.assert_allclose(found, np.sin(0.2 * np.arange(100, 110)), atol=1e-6)
