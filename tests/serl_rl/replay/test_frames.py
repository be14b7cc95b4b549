"""Images of transitions against a plain list of rows: episode ends, gaps, wrapping, stacks, cameras, restarts."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import EmptyReplayError
from serl_rl.replay.rows import RowBatch, RowKind

STEP, TERMINATED, TRUNCATED, FINAL = RowKind
CAMERAS = {"front": (4, 5, 3), "wrist": (2, 3, 3)}
SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,)),
        *(ArraySpec(name=name, dtype=np.dtype(np.uint8), shape=shape) for name, shape in CAMERAS.items()),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(1,)),
)


def picture(row, camera):
    """Pixels that belong to one row and camera alone."""
    shape = CAMERAS[camera]
    seed = hash((row, camera)) % 2**32
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def make_rows(kinds, *, actor, episode, first_step, interventions=None):
    steps = np.arange(first_step, first_step + len(kinds))
    count = len(kinds)
    keys = [(actor, episode, int(step)) for step in steps]
    return RowBatch(
        observations={
            "state": np.stack([np.full(count, actor * 1000 + episode), steps], 1).astype(np.float32),
            **{camera: np.stack([picture(key, camera) for key in keys]) for camera in CAMERAS},
        },
        actions=np.zeros((count, 1), np.float32),
        rewards=np.zeros(count, np.float32),
        episode_ids=np.full(count, episode, np.int64),
        step_indices=steps.astype(np.int32),
        row_kinds=np.array(kinds, np.uint8),
        interventions=np.zeros(count, bool) if interventions is None else interventions,
        actor_id=str(actor),
    )


class PlainReplay:
    """What a replay should hold, written down the simplest way.

    Where all rows of an actor were overwritten, one that comes in the middle of an episode may have had others before.
    """

    def __init__(self, capacity, stack):
        self.capacity, self.stack, self.rows = capacity, stack, []
        self.past_unknown = set()

    def append(self, rows):
        actor, begin = int(rows.actor_id), max(0, len(self.rows) + len(rows) - self.capacity)
        is_alone = all(key[0] != actor for key, _ in self.rows[begin:])
        if begin and is_alone and rows.step_indices[0] > 0:
            self.past_unknown.add((actor, int(rows.episode_ids[0]), int(rows.step_indices[0])))
        for index in range(len(rows)):
            key = (int(rows.actor_id), int(rows.episode_ids[index]), int(rows.step_indices[index]))
            self.rows.append((key, int(rows.row_kinds[index])))

    def transitions(self):
        """{row: (keys of its frames, keys of the next one's frames)}, oldest frame first."""
        kept = dict(self.rows[-self.capacity :])
        ever = dict(self.rows)
        found = {}
        for (actor, episode, step), kind in kept.items():
            if kind == FINAL or (actor, episode, step + 1) not in kept:
                continue
            frames = [(actor, episode, step + 1), (actor, episode, step)]
            is_known = True
            while len(frames) <= self.stack:
                _, _, oldest = frames[-1]
                before = (actor, episode, oldest - 1)
                is_known &= frames[-1] not in self.past_unknown
                frames.append(before if before in ever else frames[-1])
            if is_known and all(frame in kept for frame in frames):
                found[actor, episode, step] = frames[: self.stack][::-1], frames[1 : self.stack + 1][::-1]
        return {row: (now, following) for row, (following, now) in found.items()}


def check(buffer, plain, draws=300):
    expected = plain.transitions()
    assert buffer.transition_count == len(expected)
    if not expected:
        with pytest.raises(EmptyReplayError):
            buffer.sample(1, np.random.default_rng(0))
        return
    batch = buffer.sample(draws, np.random.default_rng(0))
    for index in range(draws):
        mark, step = batch.observations["state"][index].astype(int)
        row = (mark // 1000, mark % 1000, step)
        assert row in expected
        assert tuple(batch.next_observations["state"][index]) == (mark, step + 1)
        for camera, shape in CAMERAS.items():
            for observations, frames in zip((batch.observations, batch.next_observations), expected[row], strict=True):
                found = observations[camera][index].reshape(plain.stack, *shape)
                np.testing.assert_array_equal(found, np.stack([picture(frame, camera) for frame in frames]))


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(1, 6), st.sampled_from(["go on", "gap", "terminate", "truncate", "cut off"])
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.trap
@given(EVENTS, st.integers(7, 30), st.integers(1, 4))
def test_every_frame_is_that_of_a_plain_list(events, capacity, stack):
    buffer, plain = ReplayBuffer(SPEC, capacity, frame_stack=stack), PlainReplay(capacity, stack)
    position = {}
    for actor, count, event in events:
        episode, step = position.get(actor, (0, 0))
        step += 2 if event == "gap" else 0
        kinds = [STEP] * count
        if event in ("terminate", "truncate"):
            kinds = [*kinds[:-1], TERMINATED if event == "terminate" else TRUNCATED, FINAL]
        rows = make_rows(kinds, actor=actor, episode=episode, first_step=step)
        buffer.append(rows)
        plain.append(rows)
        ends = event in ("terminate", "truncate", "cut off")
        position[actor] = (episode + 1, 0) if ends else (episode, step + count)
    check(buffer, plain, 30)


@pytest.mark.trap
def test_first_frame_of_an_episode_is_repeated_and_never_the_last_episode_s():
    buffer, plain = ReplayBuffer(SPEC, 50, frame_stack=3), PlainReplay(50, 3)
    for episode in range(2):
        rows = make_rows([STEP, STEP, TRUNCATED, FINAL], actor=0, episode=episode, first_step=0)
        buffer.append(rows)
        plain.append(rows)
    assert plain.transitions()[0, 1, 0][0] == [(0, 1, 0)] * 3
    assert plain.transitions()[0, 1, 1][0] == [(0, 1, 0), (0, 1, 0), (0, 1, 1)]
    check(buffer, plain)


@pytest.mark.trap
def test_gap_never_pairs_a_step_with_the_image_of_an_older_segment():
    # HIL-SERL keeps only intervened steps in its demonstration buffer: the state of step 60 came with the image of 25.
    buffer, plain = ReplayBuffer(SPEC, 50, frame_stack=2), PlainReplay(50, 2)
    for first in (20, 60):
        rows = make_rows([STEP] * 6, actor=0, episode=0, first_step=first)
        buffer.append(rows)
        plain.append(rows)
    now, following = plain.transitions()[0, 0, 60]
    assert now == [(0, 0, 60)] * 2
    assert following == [(0, 0, 60), (0, 0, 61)]
    check(buffer, plain)


@pytest.mark.trap
def test_stack_whose_frames_were_overwritten_is_not_drawn():
    buffer, plain = ReplayBuffer(SPEC, 8, frame_stack=3), PlainReplay(8, 3)
    for first in range(0, 12, 4):
        rows = make_rows([STEP] * 4, actor=0, episode=0, first_step=first)
        buffer.append(rows)
        plain.append(rows)
    assert sorted(step for _, _, step in plain.transitions()) == [6, 7, 8, 9, 10]
    check(buffer, plain)


@pytest.mark.parametrize("stack", [1, 3])
def test_reopened_replay_gives_the_same_images(tmp_path, stack):
    def batch(buffer):
        return buffer.sample(200, np.random.default_rng(1))

    buffer = ReplayBuffer(SPEC, 11, tmp_path, frame_stack=stack)
    for episode in range(3):
        buffer.append(make_rows([STEP, STEP, STEP, TERMINATED, FINAL], actor=0, episode=episode, first_step=0))
    before, count = batch(buffer), buffer.transition_count
    buffer.close()
    again = ReplayBuffer(SPEC, 11, tmp_path, frame_stack=stack)
    after = batch(again)
    assert again.transition_count == count
    for name in ("state", *CAMERAS):
        np.testing.assert_array_equal(before.observations[name], after.observations[name])
        np.testing.assert_array_equal(before.next_observations[name], after.next_observations[name])
    again.close()


def test_interventions_with_overwritten_frames_are_not_drawn():
    buffer = ReplayBuffer(SPEC, 8, frame_stack=3)
    for first in range(0, 12, 4):
        chosen = np.array([True, False, True, False])
        buffer.append(make_rows([STEP] * 4, actor=0, episode=0, first_step=first, interventions=chosen))
    batch = buffer.sample(100, np.random.default_rng(0), only_interventions=True)
    assert set(batch.observations["state"][:, 1].tolist()) == {6, 8, 10}
    assert buffer.intervention_count == 3


def test_batch_is_filled_in_the_places_that_were_asked_for():
    buffer = ReplayBuffer(SPEC, 50)
    buffer.append(make_rows([STEP] * 20, actor=0, episode=0, first_step=0))
    whole = buffer.sample(6, np.random.default_rng(3))
    parts = buffer.sample(10, np.random.default_rng(0))
    for array in (*parts.observations.values(), parts.rewards):
        array[...] = 0
    buffer.sample_into(parts, [slice(7, 9), slice(0, 1), slice(2, 5)], np.random.default_rng(3))
    for name in ("state", *CAMERAS):
        np.testing.assert_array_equal(parts.observations[name][[7, 8, 0, 2, 3, 4]], whole.observations[name])
        assert not parts.observations[name][[1, 5, 6, 9]].any()


def test_stack_of_no_frame_is_refused():
    with pytest.raises(ValueError, match="frame_stack is 0; it must be at least 1"):
        ReplayBuffer(SPEC, 10, frame_stack=0)


def test_hundred_thousand_steps_of_two_cameras_take_less_than_ten_gigabytes():
    cameras = tuple(ArraySpec(name=name, dtype=np.dtype(np.uint8), shape=(128, 128, 3)) for name in ("front", "wrist"))
    spec = dataclasses.replace(SPEC, observation=(SPEC.observation[0], *cameras))
    one = ReplayBuffer(spec, 2)
    assert sum(column[0].nbytes for column in one._storage.columns.values()) * 100_000 < 10e9
