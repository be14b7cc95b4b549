"""Which transitions a buffer holds: episode ends, gaps, wrapping, several actors, rows that were seen before."""

import dataclasses
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import EmptyReplayError, InvalidRowsError, RowGapError
from serl_rl.replay.rows import RowKind

STEP, TERMINATED, TRUNCATED, FINAL = RowKind
NEXT = np.array([0, 0, 1])


@pytest.fixture
def buffer(spec):
    return ReplayBuffer(spec, 100)


def transitions(buffer, draws=4000):
    """Every transition as (mark, episode, step): terminated; checks on the way that next observations are right."""
    if not buffer.transition_count:
        return {}
    batch = buffer.sample(draws, np.random.default_rng(0))
    states, following = batch.observations["state"], batch.next_observations["state"]
    np.testing.assert_array_equal(following, states + NEXT)
    np.testing.assert_array_equal(batch.rewards, states[:, 2])
    found = {tuple(map(int, state)): bool(end) for state, end in zip(states, batch.terminated, strict=True)}
    assert len(found) == buffer.transition_count
    return found


@pytest.mark.trap
def test_terminated_step_has_no_value_after_it_but_a_truncated_step_has(buffer, make_episode):
    buffer.append(make_episode(2, end=TERMINATED, episode=0))
    buffer.append(make_episode(2, end=TRUNCATED, episode=1))
    assert transitions(buffer) == {(0, 0, 0): False, (0, 0, 1): True, (0, 1, 0): False, (0, 1, 1): False}


@pytest.mark.trap
def test_next_observation_of_a_truncated_step_is_its_own(buffer, make_episode):
    buffer.append(make_episode(3, end=TRUNCATED, episode=0))
    buffer.append(make_episode(3, end=TRUNCATED, episode=1))
    batch = buffer.sample(1000, np.random.default_rng(0))
    last = batch.observations["state"][:, 2] == 2
    assert last.any()
    # The reset frame of the next episode would be (0, 1, 0).
    assert set(map(tuple, batch.next_observations["state"][last].tolist())) == {(0, 0, 3), (0, 1, 3)}


@pytest.mark.trap
def test_gap_in_steps_is_the_border_of_an_episode(buffer, make_rows):
    buffer.append(make_rows([STEP, STEP], episode=0, first_step=0))
    buffer.append(make_rows([STEP, TERMINATED, FINAL], episode=0, first_step=7))
    assert set(transitions(buffer)) == {(0, 0, 0), (0, 0, 7), (0, 0, 8)}


def test_another_episode_is_a_border_even_when_steps_fit(buffer, make_rows):
    buffer.append(make_rows([STEP, STEP], episode=0, first_step=0))
    buffer.append(make_rows([STEP, STEP], episode=1, first_step=2))
    assert set(transitions(buffer)) == {(0, 0, 0), (0, 1, 2)}


def test_step_is_no_transition_until_its_next_row_is_there(buffer, make_rows):
    buffer.append(make_rows([STEP], episode=0))
    assert buffer.transition_count == 0
    buffer.append(make_rows([STEP], episode=0, first_step=1))
    assert set(transitions(buffer)) == {(0, 0, 0)}


def test_interleaved_actors_keep_their_own_episodes(buffer, make_rows):
    for step in range(3):
        buffer.append(make_rows([STEP], mark=1, first_step=step, actor="a"))
        buffer.append(make_rows([STEP], mark=2, first_step=step, actor="b"))
    assert set(transitions(buffer)) == {(1, 0, 0), (1, 0, 1), (2, 0, 0), (2, 0, 1)}


def test_oldest_rows_are_overwritten(spec, make_episode):
    buffer = ReplayBuffer(spec, 8)
    for episode in range(3):
        buffer.append(make_episode(3, episode=episode))
    assert buffer.row_count == 8
    assert buffer.environment_step_count == 9
    assert set(transitions(buffer)) == {(0, e, s) for e in (1, 2) for s in range(3)}


def test_overwriting_a_half_of_an_episode_keeps_the_other(spec, make_episode):
    buffer = ReplayBuffer(spec, 5)
    buffer.append(make_episode(3, episode=0))
    buffer.append(make_episode(2, episode=1))
    assert set(transitions(buffer)) == {(0, 0, 2), (0, 1, 0), (0, 1, 1)}


EVENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 5), st.sampled_from(["go on", "gap", "end", "new"])), max_size=25
)


@given(EVENTS, st.integers(6, 40))
def test_transitions_are_those_of_a_plain_list(make_rows, spec, events, capacity):
    buffer, rows, position = ReplayBuffer(spec, capacity), [], {}
    for actor, count, event in events:
        episode, step = position.get(actor, (0, 0))
        if event == "new":
            episode, step = episode + 1, 0
        elif event == "gap":
            step += 2
        kinds = [STEP] * count
        if event == "end":
            kinds = [*kinds[:-1], TERMINATED, FINAL]
        buffer.append(make_rows(kinds, mark=actor, episode=episode, first_step=step, actor=str(actor)))
        rows += [(actor, episode, step + index) for index in range(len(kinds))]
        position[actor] = (episode + 1, 0) if event == "end" else (episode, step + count)
    kept = set(rows[-capacity:])
    # In this plain list the row after a final row never has the next step index, so final rows need no mention.
    assert set(transitions(buffer)) == {(a, e, s) for a, e, s in kept if (a, e, s + 1) in kept}


def test_every_transition_is_drawn_equally_often(spec, make_episode):
    buffer = ReplayBuffer(spec, 60)
    for episode in range(20):
        buffer.append(make_episode(4, episode=episode))
    draws = 200_000
    states = buffer.sample(draws, np.random.default_rng(1)).observations["state"]
    _, counts = np.unique(states, axis=0, return_counts=True)
    expected = draws / buffer.transition_count
    assert len(counts) == buffer.transition_count == 48
    # Chi-square with 47 degrees of freedom: mean 47, standard deviation 9.7.
    assert ((counts - expected) ** 2 / expected).sum() < 47 + 5 * 9.7


def test_few_transitions_among_many_rows_are_found(spec, make_rows):
    buffer = ReplayBuffer(spec, 1000)
    for episode in range(500):
        buffer.append(make_rows([STEP], episode=episode))
    buffer.append(make_rows([STEP, STEP], episode=500))
    assert set(transitions(buffer)) == {(0, 500, 0)}


def test_equal_seeds_draw_equal_batches(buffer, make_episode):
    buffer.append(make_episode(50))
    one, two = (buffer.sample(32, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.observations["state"], two.observations["state"])


@pytest.mark.trap
def test_rows_seen_before_are_dropped(buffer, make_episode):
    rows = make_episode(5, actor="a", number=1)
    assert buffer.append(rows[:4]) == 4
    assert buffer.append(rows[2:]) == 6
    assert buffer.append(rows) == 6
    assert (buffer.row_count, buffer.acknowledged("a"), buffer.environment_step_count) == (6, 6, 5)
    assert len(transitions(buffer)) == 5


@pytest.mark.trap
def test_rows_after_a_gap_in_sequence_numbers_are_refused(buffer, make_episode):
    rows = make_episode(5, actor="a", number=1)
    buffer.append(rows[:2])
    with pytest.raises(RowGapError, match="rows 3 to 3 of actor 'a' are missing; send again from row 3") as error:
        buffer.append(rows[3:])
    assert (error.value.expected, error.value.received, buffer.row_count) == (3, 4, 2)


def test_unknown_actor_has_nothing_acknowledged(buffer):
    assert buffer.acknowledged("nobody") == 0


def test_empty_buffer_cannot_be_sampled(buffer):
    with pytest.raises(EmptyReplayError, match="0 rows but no transition"):
        buffer.sample(1, np.random.default_rng(0))


@pytest.mark.trap
def test_action_beyond_one_never_enters(buffer, make_episode):
    rows = make_episode(3)
    rows.actions[0, 1] = 1.25
    with pytest.raises(InvalidRowsError, match=r"component 1 of row 0 is 1.25, outside \[-1, 1\]"):
        buffer.append(rows)
    assert buffer.row_count == 0


def test_batch_that_goes_on_after_an_episode_s_end_is_refused(buffer, make_rows):
    buffer.append(make_rows([STEP, TRUNCATED], episode=3))
    with pytest.raises(InvalidRowsError, match="episode 3 goes on after a row of kind TRUNCATED"):
        buffer.append(make_rows([STEP], episode=3, first_step=2))
    buffer.append(make_rows([FINAL], episode=3, first_step=2))
    assert transitions(buffer) == {(0, 3, 0): False, (0, 3, 1): False}


def test_batch_larger_than_the_buffer_is_refused(spec, make_episode):
    with pytest.raises(InvalidRowsError, match="6 rows exceed the capacity of 4"):
        ReplayBuffer(spec, 4).append(make_episode(5))


def test_images_are_stored_once_and_returned_as_bytes(make_episode):
    import dataclasses

    from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

    wrist = ArraySpec(name="wrist", dtype=np.dtype(np.uint8), shape=(4, 4, 3))
    action = ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(2,))
    buffer = ReplayBuffer(EnvironmentSpec(environment="test", observation=(wrist,), action=action), 10)
    images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 4, 3), np.uint8)
    buffer.append(dataclasses.replace(make_episode(3), observations={"wrist": images}))
    batch = buffer.sample(100, np.random.default_rng(0))
    assert batch.observations["wrist"].dtype == np.uint8
    np.testing.assert_array_equal(batch.next_observations["wrist"], batch.observations["wrist"] + 1)


def test_sampling_while_a_thread_appends_never_mixes_rows(spec, make_episode):
    buffer = ReplayBuffer(spec, 40)
    buffer.append(make_episode(10))
    done = threading.Event()

    def append():
        for episode in range(1, 400):
            buffer.append(make_episode(10, episode=episode))
        done.set()

    thread = threading.Thread(target=append)
    thread.start()
    rng, samples = np.random.default_rng(0), 0
    while not done.is_set() or samples < 10:
        batch = buffer.sample(64, rng)
        np.testing.assert_array_equal(batch.next_observations["state"], batch.observations["state"] + NEXT)
        samples += 1
    thread.join()


def corrected(rows, steps):
    """The rows with a person's hand in some of them."""
    return dataclasses.replace(rows, interventions=np.isin(rows.step_indices, steps))


def corrections(buffer):
    """Every transition that a person chose, as (episode, step)."""
    if not buffer.intervention_count:
        return set()
    batch = buffer.sample(2000, np.random.default_rng(0), only_interventions=True)
    assert batch.interventions.all()
    np.testing.assert_array_equal(batch.next_observations["state"], batch.observations["state"] + NEXT)
    found = {tuple(map(int, state[1:])) for state in batch.observations["state"]}
    assert len(found) == buffer.intervention_count
    return found


def test_corrected_steps_are_found_among_the_others(buffer, make_episode):
    buffer.append(corrected(make_episode(5, episode=0), [1, 2]))
    buffer.append(make_episode(5, episode=1))
    buffer.append(corrected(make_episode(3, episode=2), [2]))
    assert corrections(buffer) == {(0, 1), (0, 2), (2, 2)}
    assert buffer.transition_count == 13


def test_a_corrected_step_counts_once_its_next_row_is_there(buffer, make_rows):
    buffer.append(corrected(make_rows([STEP], episode=0), [0]))
    assert corrections(buffer) == set()
    buffer.append(make_rows([STEP], episode=0, first_step=1))
    assert corrections(buffer) == {(0, 0)}


def test_corrected_steps_go_when_they_are_overwritten(spec, make_episode):
    buffer = ReplayBuffer(spec, 8)
    for episode in range(4):
        buffer.append(corrected(make_episode(3, episode=episode), [0, 2]))
    assert corrections(buffer) == {(2, 0), (2, 2), (3, 0), (3, 2)}


def test_corrected_steps_are_drawn_alike_by_a_buffer_that_was_opened_again(spec, make_rows, tmp_path):
    def draw(buffer):
        states = buffer.sample(50, np.random.default_rng(3), only_interventions=True).observations["state"]
        buffer.close()
        return states

    buffer = ReplayBuffer(spec, 40, tmp_path)
    for step in range(6):
        for actor in ("a", "b"):
            buffer.append(corrected(make_rows([STEP], first_step=step, actor=actor), [1, 2, 4]))
    np.testing.assert_array_equal(draw(buffer), draw(ReplayBuffer(spec, 40, tmp_path)))


def test_no_correction_can_be_drawn_where_there_is_none(buffer, make_episode):
    buffer.append(make_episode(5))
    with pytest.raises(EmptyReplayError, match="no transition whose action a person chose"):
        buffer.sample(1, np.random.default_rng(0), only_interventions=True)
