"""Feature maps beside a replay: which crop of which frame, catching up, wrapping, restarts, refreshing."""

import dataclasses
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.replay.batch import empty_batch
from serl_rl.replay.batch_sampler import BatchSampler
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import EmptyReplayError
from serl_rl.replay.feature_cache import EncodedReplay, FeatureLayout
from serl_rl.replay.rows import RowBatch, RowKind

STEP, TERMINATED, TRUNCATED, FINAL = RowKind
CAMERAS = ("front", "wrist")
SPEC = EnvironmentSpec(
    environment="test/Look-v0",
    observation=(
        ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,)),
        *(ArraySpec(name=camera, dtype=np.dtype(np.uint8), shape=(3, 3, 3)) for camera in CAMERAS),
    ),
    action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(1,)),
)
LAYOUT = FeatureLayout(shapes=dict.fromkeys(CAMERAS, (1, 2, 2)), crops=3, largest_shift=4, seed=7, fingerprint="one")


class Encoder:
    """Maps that say what they were made of: (episode, step, shift down, shift right), and for the wrist one more."""

    def __init__(self):
        self.rows = 0

    def __call__(self, images, shifts):
        self.rows += len(shifts)
        maps = {}
        for camera, frames in images.items():
            key = frames[:, 0, 0, :2].astype(np.uint16)
            assert (frames[:, 0, 0, 2] == CAMERAS.index(camera)).all()
            crops = np.broadcast_to(key[:, None], (*shifts.shape[:2], 2))
            content = np.concatenate([crops, (shifts + 100).astype(np.uint16)], -1) + CAMERAS.index(camera) * 1000
            maps[camera] = content.reshape(*shifts.shape[:2], 1, 2, 2).astype(np.uint16)
        return maps


def make_rows(count, *, episode=0, first_step=0, kinds=None):
    steps = np.arange(first_step, first_step + count)

    def pictures(camera):
        pixels = np.zeros((count, 3, 3, 3), np.uint8)
        pixels[..., 0], pixels[..., 1] = episode, steps[:, None, None]
        pixels[..., 2] = CAMERAS.index(camera)
        return pixels

    return RowBatch(
        observations={
            "state": np.stack([np.full(count, episode), steps], 1).astype(np.float32),
            **{camera: pictures(camera) for camera in CAMERAS},
        },
        actions=np.zeros((count, 1), np.float32),
        rewards=steps.astype(np.float32),
        episode_ids=np.full(count, episode, np.int64),
        step_indices=steps.astype(np.int32),
        row_kinds=np.full(count, STEP, np.uint8) if kinds is None else np.array(kinds, np.uint8),
        interventions=np.zeros(count, bool),
        actor_id="a",
    )


def sample(source, count=400, seed=0):
    batch = empty_batch(source.layout, source.spec.action_size, count)
    source.sample_into(batch, [slice(0, count)], np.random.default_rng(seed))
    return batch


def decoded(batch, part, camera):
    """(episode, step) and shift of each map."""
    maps = getattr(batch, part)[camera].reshape(len(batch), 4).astype(int) - CAMERAS.index(camera) * 1000
    return maps[:, :2], maps[:, 2:] - 100


def check(batch):
    """Every map belongs to the row it came with, or to its successor; cameras share their crops."""
    for part in ("observations", "next_observations"):
        state = getattr(batch, part)["state"]
        shifts = {}
        for camera in CAMERAS:
            rows, shifts[camera] = decoded(batch, part, camera)
            np.testing.assert_array_equal(rows, state)
        np.testing.assert_array_equal(shifts["front"], shifts["wrist"])
        assert np.abs(shifts["front"]).max() <= 4
    np.testing.assert_array_equal(batch.next_observations["state"], batch.observations["state"] + [0, 1])
    np.testing.assert_array_equal(batch.rewards, batch.observations["state"][:, 1])


@pytest.fixture
def replay():
    return ReplayBuffer(SPEC, 40)


def test_maps_are_those_of_the_row_and_of_its_successor(replay):
    replay.append(make_rows(20))
    source = EncodedReplay(replay, Encoder(), LAYOUT)
    check(sample(source))
    assert source.layout["front"] == ((1, 2, 2), np.uint16)
    assert source.transition_count == replay.transition_count


def test_every_image_is_encoded_once(replay):
    encoder = Encoder()
    source = EncodedReplay(replay, encoder, LAYOUT)
    for first in range(0, 30, 3):
        replay.append(make_rows(3, first_step=first))
        if first:
            sample(source)
    assert encoder.rows == 30


def test_each_of_the_crops_is_drawn_as_often_and_the_next_one_by_itself(replay):
    replay.append(make_rows(2))
    batch = sample(EncodedReplay(replay, Encoder(), LAYOUT), 9000)
    now, following = (decoded(batch, part, "front")[1] for part in ("observations", "next_observations"))
    kinds, which, counts = np.unique(now, axis=0, return_inverse=True, return_counts=True)
    next_kinds, next_which = np.unique(following, axis=0, return_inverse=True)
    assert len(kinds) == len(next_kinds) == 3
    assert counts.min() > 2800
    together = np.histogram2d(which.ravel(), next_which.ravel(), bins=3)[0]
    assert together.min() > 850  # A ninth of all draws each.


def test_crops_differ_between_rows_and_are_uniform():
    replay = ReplayBuffer(SPEC, 300)
    replay.append(make_rows(250))
    source = EncodedReplay(replay, Encoder(), dataclasses.replace(LAYOUT, crops=8))
    source.catch_up()
    shifts = source._maps["front"].reshape(300, 8, 4)[:250, :, 2:].astype(int) - 100
    values, counts = np.unique(shifts, return_counts=True)
    assert values.tolist() == list(range(-4, 5))
    assert counts.min() > 380  # Of 4000, a ninth each.
    assert len(np.unique(shifts.reshape(250, -1), axis=0)) == 250


EVENTS = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(EVENTS, st.integers(10, 30), st.sampled_from([0.0, 0.7, 3.0]))
def test_maps_fit_their_rows_whatever_comes(events, capacity, refreshed):
    replay = ReplayBuffer(SPEC, capacity)
    source = EncodedReplay(replay, Encoder(), LAYOUT, refreshed_rows=refreshed)
    episode, step = 0, 0
    for count, ends, looks in events:
        kinds = [STEP] * count
        kinds = [*kinds[:-1], TRUNCATED, FINAL] if ends else kinds
        replay.append(make_rows(len(kinds), episode=episode, first_step=step, kinds=kinds))
        episode, step = (episode + 1, 0) if ends else (episode, step + count)
        if looks and replay.transition_count:
            check(sample(source, 60))
    if replay.transition_count:
        check(sample(source, 60))


def test_reopened_cache_encodes_nothing_again(tmp_path):
    first = Encoder()
    replay = ReplayBuffer(SPEC, 40, tmp_path / "replay")
    replay.append(make_rows(25))
    before = sample(EncodedReplay(replay, first, LAYOUT, tmp_path / "features"))
    replay.close()
    again = Encoder()
    reopened = ReplayBuffer(SPEC, 40, tmp_path / "replay")
    source = EncodedReplay(reopened, again, LAYOUT, tmp_path / "features")
    after = sample(source)
    assert again.rows == 0
    np.testing.assert_array_equal(before.observations["front"], after.observations["front"])
    reopened.append(make_rows(5, first_step=25))
    check(sample(source))
    assert again.rows == 5
    reopened.close()


def test_row_that_was_being_written_when_the_process_died_is_encoded_again(tmp_path):
    replay = ReplayBuffer(SPEC, 40, tmp_path / "replay")
    replay.append(make_rows(10))
    source = EncodedReplay(replay, Encoder(), LAYOUT, tmp_path / "features")
    source.catch_up()
    source._numbers[6] = 0
    source._maps["wrist"][6] = 9
    encoder = Encoder()
    check(sample(EncodedReplay(replay, encoder, LAYOUT, tmp_path / "features")))
    assert encoder.rows == 4


@pytest.mark.parametrize("change", [{"fingerprint": "two"}, {"crops": 2}, {"largest_shift": 2}, {"seed": 8}])
def test_maps_of_another_backbone_or_other_crops_are_computed_anew(tmp_path, change):
    replay = ReplayBuffer(SPEC, 40, tmp_path / "replay")
    replay.append(make_rows(10))
    EncodedReplay(replay, Encoder(), LAYOUT, tmp_path / "features").catch_up()
    encoder = Encoder()
    EncodedReplay(replay, encoder, dataclasses.replace(LAYOUT, **change), tmp_path / "features").catch_up()
    assert encoder.rows == 10


def test_refreshing_draws_other_crops_oldest_first(replay):
    replay.append(make_rows(6))
    source = EncodedReplay(replay, Encoder(), LAYOUT, refreshed_rows=0.5)
    source.catch_up()
    before = source._maps["front"].copy()
    for _ in range(4):
        sample(source, 10)
    changed = (source._maps["front"] != before).any((1, 2))
    assert np.flatnonzero(changed).tolist() == [0, 1]
    assert source._rounds[:3].tolist() == [1, 1, 0]
    check(sample(source))


def test_stacks_hold_the_maps_of_their_frames_shifted_alike():
    replay = ReplayBuffer(SPEC, 40, frame_stack=3)
    for episode in range(3):
        kinds = [STEP] * 4 + [TRUNCATED, FINAL]
        replay.append(make_rows(6, episode=episode, kinds=kinds))
    batch = sample(EncodedReplay(replay, Encoder(), LAYOUT), 500)
    frames = batch.observations["front"].reshape(500, 3, 4).astype(int)
    steps = batch.observations["state"][:, 1].astype(int)
    expected = np.maximum(steps[:, None] + np.arange(-2, 1), 0)
    np.testing.assert_array_equal(frames[:, :, 1], expected)
    assert (frames[:, :, 2:] == frames[:, :1, 2:]).all()
    assert len(np.unique(frames[:, 0, 2:], axis=0)) > 5  # Of three episodes with three crops each.


def test_stacks_cannot_be_refreshed():
    with pytest.raises(ValueError, match="cannot be refreshed"):
        EncodedReplay(ReplayBuffer(SPEC, 40, frame_stack=2), Encoder(), LAYOUT, refreshed_rows=1)


def test_transition_is_drawn_only_once_its_rows_are_encoded(replay):
    replay.append(make_rows(1))
    source = EncodedReplay(replay, Encoder(), LAYOUT)
    source.catch_up()
    original = source._replay.draw

    def draw_late(*args, **kwargs):
        if replay.row_count == 1:
            replay.append(make_rows(3, first_step=1))
        return original(*args, **kwargs)

    with pytest.raises(EmptyReplayError, match="no transition"):
        sample(source)
    source._replay.draw = draw_late
    check(sample(source))


def test_sampling_while_a_thread_appends_never_mixes_rows():
    replay = ReplayBuffer(SPEC, 40)
    replay.append(make_rows(10))
    source, done = EncodedReplay(replay, Encoder(), LAYOUT), threading.Event()

    def append():
        for episode in range(1, 120):
            replay.append(make_rows(10, episode=episode, kinds=[STEP] * 8 + [TRUNCATED, FINAL]))
        done.set()

    thread = threading.Thread(target=append)
    thread.start()
    looks = 0
    while not done.is_set() or looks < 10:
        check(sample(source, 64, looks))
        looks += 1
    thread.join()


def test_half_of_every_batch_is_demonstrations_with_their_own_maps(replay):
    demonstrations = ReplayBuffer(SPEC, 40)
    replay.append(make_rows(20, episode=1))
    demonstrations.append(make_rows(20, episode=2))
    sources = (EncodedReplay(one, Encoder(), LAYOUT) for one in (replay, demonstrations))
    batch = BatchSampler(*sources, batch_size=8, minibatches=3, seed=0).sample(0)
    episodes = batch.observations["front"].view(torch.uint16).reshape(3, 8, 4)[..., 0].int()
    assert episodes.tolist() == [[1] * 4 + [2] * 4] * 3
