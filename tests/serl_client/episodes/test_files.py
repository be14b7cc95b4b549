import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
import warnings
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serl_client.episodes import records
from serl_client.episodes.files import (
    Episode,
    EpisodeFileWarning,
    EpisodeHeader,
    EpisodeWriter,
    read_episodes,
    read_header,
)
from serl_client.episodes.random_access import EpisodeFile
from serl_client.episodes.records import _LENGTH, MAGIC, Record, RecordHead, encode_record
from serl_client.errors import EpisodeFileError

HEADER = EpisodeHeader(task="serl/PickCube-v0", specification={"action": [4]}, metadata={"who": "ada"})


def make_episode(steps=3, seed=0):
    rng = np.random.default_rng(seed)
    return Episode(
        observations={
            "state": rng.standard_normal((steps + 1, 5)).astype(np.float32),
            "front": rng.integers(0, 255, (steps + 1, 8, 8, 3), np.uint8),
        },
        actions=rng.uniform(-1, 1, (steps, 4)).astype(np.float32),
        rewards=rng.standard_normal(steps),
        terminated=True,
        truncated=False,
        interventions=rng.integers(0, 2, steps).astype(bool),
        stamps_ns=np.arange(steps + 1, dtype=np.int64),
        success=True,
        metadata={"scene_seed": seed},
    )


def assert_same(first, second):
    assert list(first.observations) == list(second.observations)
    pairs = [(first.observations[key], second.observations[key]) for key in first.observations]
    for name in ("actions", "rewards", "interventions", "stamps_ns"):
        pairs.append((getattr(first, name), getattr(second, name)))
    for one, other in pairs:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for group in ("sensors", "sensor_stamps_ns", "frame_numbers", "extra_actions"):
        one, other = getattr(first, group), getattr(second, group)
        assert list(one) == list(other)
        for key in one:
            np.testing.assert_array_equal(one[key], native(other[key]), strict=True)
    for name in ("terminated", "truncated", "success"):
        assert getattr(first, name) is getattr(second, name)
    assert first.control_rate_hz == second.control_rate_hz
    assert first.metadata == second.metadata


@pytest.fixture
def path(tmp_path):
    return tmp_path / "demonstrations.serl"


def write(path, episodes, header=HEADER):
    with EpisodeWriter(path, header) as writer:
        for episode in episodes:
            writer.append(episode)


dtypes = (
    hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes(sizes=(32, 64))
)


@st.composite
def any_episodes(draw):
    steps = draw(st.integers(0, 5))
    arrays = dtypes.flatmap(
        lambda dtype: hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5).flatmap(
            lambda shape: hnp.arrays(dtype, (steps + 1, *shape))
        )
    )
    stamps = st.dictionaries(st.text(max_size=4), hnp.arrays(np.int64, steps + 1), max_size=2)
    actions = st.dictionaries(st.text(max_size=4), hnp.arrays(np.float32, (steps, 2)), max_size=2)
    return Episode(
        observations=draw(st.dictionaries(st.text(max_size=8), arrays, max_size=3)),
        sensors=draw(st.dictionaries(st.text(max_size=4), arrays, max_size=2)),
        sensor_stamps_ns=draw(stamps),
        frame_numbers=draw(stamps),
        extra_actions=draw(actions),
        control_rate_hz=draw(st.none() | st.floats(0.1, 1e3)),
        actions=draw(hnp.arrays(np.float32, (steps, draw(st.integers(0, 8))))),
        rewards=draw(hnp.arrays(np.float64, steps)),
        terminated=draw(st.booleans()),
        truncated=draw(st.booleans()),
        interventions=draw(hnp.arrays(bool, steps)),
        stamps_ns=draw(hnp.arrays(np.int64, steps + 1)),
        success=draw(st.booleans()),
        metadata=draw(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none(), max_size=3)),
    )


@settings(max_examples=40)
@given(st.lists(any_episodes(), max_size=3))
def test_every_episode_comes_back_as_it_was(tmp_path_factory, episodes):
    path = tmp_path_factory.mktemp("episodes") / "file"
    write(path, episodes)
    for one, other in zip(read_episodes(path), episodes, strict=True):
        normalised = Episode(**{**vars(other), "observations": {k: native(v) for k, v in other.observations.items()}})
        assert_same(one, normalised)


def native(array):
    return array.astype(array.dtype.newbyteorder("="))


def test_episodes_are_appended_over_several_sessions(path):
    for seed in range(3):
        write(path, [make_episode(seed=seed)])
    assert [episode.metadata["scene_seed"] for episode in read_episodes(path)] == [0, 1, 2]
    assert read_header(path) == HEADER


@pytest.mark.parametrize("group", ["sensors", "sensor_stamps_ns", "frame_numbers", "extra_actions"])
def test_arrays_of_another_length_are_refused(group):
    with pytest.raises(ValueError, match=rf"{group}\[front\] has 2 entries"):
        replace(make_episode(steps=3), **{group: {"front": np.zeros(2, np.int64)}})


def as_first_version(path, episodes):
    """Writes a file as the first version did: each array packed as a whole."""
    fields = {"version": 1, "task": HEADER.task, "specification": {"action": [4]}, "metadata": {"who": "ada"}}
    data = MAGIC + encode_record(Record(kind="header", fields=fields, arrays={}), packs_rows=False)
    for episode in episodes:
        arrays = {name: getattr(episode, name) for name in ("actions", "rewards", "interventions", "stamps_ns")}
        arrays |= {f"observations/{key}": array for key, array in episode.observations.items()}
        flags = {name: getattr(episode, name) for name in ("terminated", "truncated", "success")}
        record = Record(kind="episode", fields=flags | {"metadata": dict(episode.metadata)}, arrays=arrays)
        data += encode_record(record, packs_rows=False)
    path.write_bytes(data)


def test_a_file_of_the_first_version_is_read_and_goes_on_as_it_was(path):
    episodes = [make_episode(seed=seed) for seed in range(3)]
    as_first_version(path, episodes)
    whole = path.read_bytes()
    as_first_version(path, episodes[:1])
    write(path, episodes[1:])
    assert path.read_bytes() == whole
    for one, other in zip(read_episodes(path), episodes, strict=True):
        assert_same(one, other)
    assert EpisodeFile(path).picture(0, "front", 0) is None


def test_single_pictures_are_read_without_the_others(path):
    noise, flat = make_episode(steps=4, seed=0), make_episode(steps=2, seed=1)
    black = {"front": np.zeros((3, 64, 64, 3), np.uint8)}
    write(path, [noise, replace(flat, observations=black)])
    file = EpisodeFile(path)
    for index in (4, 0, 2):
        np.testing.assert_array_equal(file.picture(0, "front", index), noise.observations["front"][index])
    np.testing.assert_array_equal(file.picture(1, "front", 2), black["front"][2])
    assert file.picture(0, "state", 0) is file.picture(0, "top", 0) is None
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(EpisodeFileError, match="changed by another process"):
        file.picture(1, "front", 0)


def test_pictures_of_long_episodes_stay_as_they_are(path, monkeypatch):
    monkeypatch.setattr(records, "_COMPRESS_UP_TO_BYTES", 1000)
    flat = replace(make_episode(steps=2), observations={"front": np.zeros((3, 64, 64, 3), np.uint8)})
    noise = make_episode(seed=1)
    write(path, [flat, noise])
    assert path.stat().st_size > flat.observations["front"].nbytes
    for one, other in zip(read_episodes(path), [flat, make_episode(seed=1)], strict=True):
        assert_same(one, other)
    np.testing.assert_array_equal(
        EpisodeFile(path).picture(1, "front", 3), make_episode(seed=1).observations["front"][3]
    )


@pytest.mark.parametrize("rows", [[10], [5, 5, 5], [-1, 21], [9, 9], ["a", "b"]])
def test_a_picture_of_another_length_is_damage(path, rows):
    write(path, [])
    entry = {"name": "observations/x", "type": "|u1", "shape": [2, 2, 1, 5], "bytes": 20, "rows": rows}
    manifest = json.dumps({"kind": "episode", "fields": {}, "arrays": [entry]}).encode()
    body = _LENGTH.pack(len(manifest)) + manifest + bytes(20)
    with path.open("ab") as file:
        file.write(RecordHead(len(body), zlib.crc32(body)).pack() + body)
    with pytest.warns(EpisodeFileWarning, match="is damaged"):
        assert read_episodes(path) == []


def test_a_file_cut_anywhere_in_its_last_episode_gives_the_earlier_ones(path):
    write(path, [make_episode(seed=0), make_episode(seed=1)])
    whole = path.stat().st_size
    write(path, [make_episode(seed=2)])
    data = path.read_bytes()
    for length in range(whole, len(data)):
        path.write_bytes(data[:length])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            episodes = read_episodes(path)
        assert len(episodes) == 2
        dropped = length - whole
        assert [f"last {dropped} bytes" in str(warning.message) for warning in caught] == ([True] if dropped else [])


def test_a_torn_tail_is_cut_off_before_the_next_episode(path):
    write(path, [make_episode(seed=0), make_episode(seed=1)])
    path.write_bytes(path.read_bytes()[:-7])
    write(path, [make_episode(seed=2)])
    assert [episode.metadata["scene_seed"] for episode in read_episodes(path)] == [0, 2]


def test_a_damaged_episode_is_left_out_and_named(path):
    write(path, [make_episode(seed=0)])
    first_end = path.stat().st_size
    write(path, [make_episode(seed=1)])
    data = bytearray(path.read_bytes())
    data[first_end - 5] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.warns(EpisodeFileWarning, match="episode 1 is damaged"):
        episodes = read_episodes(path)
    assert [episode.metadata["scene_seed"] for episode in episodes] == [1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file", b"\x80\x04\x95 a pickle"])
def test_a_foreign_file_is_refused_and_not_touched(path, content):
    path.write_bytes(content)
    with pytest.raises(EpisodeFileError, match="demonstrations"):
        read_episodes(path)
    if content:
        with pytest.raises(EpisodeFileError):
            EpisodeWriter(path, HEADER)
        assert path.read_bytes() == content


def test_a_missing_file_is_named(path):
    with pytest.raises(EpisodeFileError, match="cannot read"):
        read_episodes(path)


def test_a_file_cut_in_its_header_is_refused(path):
    write(path, [])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EpisodeFileError, match="within its header"):
        read_episodes(path)


def test_a_file_of_another_task_is_not_appended_to(path):
    write(path, [make_episode()])
    other = EpisodeHeader(task="serl/PegInsert-v0", specification={"action": [6]})
    with pytest.raises(EpisodeFileError, match="whose task is serl/PickCube-v0, not serl/PegInsert-v0; choose another"):
        EpisodeWriter(path, other)
    assert len(read_episodes(path)) == 1


@pytest.mark.parametrize(
    ("specification", "sentence"),
    [
        ({"action": [7]}, r"whose action is \[4\], not \[7\]; choose another file"),
        ({"action": [4], "state_components": ["x"]}, r"whose state_components is None, not \['x'\]"),
    ],
)
def test_a_file_of_other_arrays_is_not_appended_to(path, specification, sentence):
    write(path, [make_episode()])
    with pytest.raises(EpisodeFileError, match=sentence):
        EpisodeWriter(path, EpisodeHeader(task=HEADER.task, specification=specification))
    assert len(read_episodes(path)) == 1


def test_two_writers_at_once_are_refused(path):
    with EpisodeWriter(path, HEADER), pytest.raises(EpisodeFileError, match="another process"):
        EpisodeWriter(path, HEADER)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"rewards has 2 entries.*3 steps needs 3"):
        Episode(**{**vars(make_episode(steps=3)), "rewards": np.zeros(2)})


def test_objects_are_refused(path):
    episode = Episode(**{**vars(make_episode(steps=1)), "observations": {"x": np.array([None, "a"], object)}})
    with EpisodeWriter(path, HEADER) as writer, pytest.raises(ValueError, match="only booleans"):
        writer.append(episode)
    assert read_episodes(path) == []


def test_a_full_disk_leaves_the_file_readable(path):
    import resource

    write(path, [make_episode(seed=0)])
    limit = path.stat().st_size + 100
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with EpisodeWriter(path, HEADER) as writer, pytest.raises(OSError, match="large"):
            writer.append(make_episode(seed=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert len(read_episodes(path)) == 1


def test_a_killed_writer_loses_nothing_that_append_returned_for(path):
    code = textwrap.dedent(f"""
        import numpy as np
        from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
        n = 20000
        episode = Episode(observations={{"state": np.random.default_rng(0).random((n + 1, 8))}},
            actions=np.zeros((n, 4)), rewards=np.zeros(n), terminated=True, truncated=False,
            interventions=np.zeros(n, bool), stamps_ns=np.zeros(n + 1, np.int64), success=True)
        with EpisodeWriter({str(path)!r}, EpisodeHeader(task="x")) as writer:
            while True:
                writer.append(episode)
                print("appended", flush=True)
    """)
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(4):
        assert writer.stdout.readline() == "appended\n"
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().count("appended")
    writer.wait()
    writer.stdout.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EpisodeFileWarning)
        assert len(read_episodes(path)) >= 4 + rest


def test_penalties_of_the_gripper_are_kept_where_there_are_any(path):
    penalties = np.array([0, -0.02, 0], np.float32)
    write(path, [Episode(**{**vars(make_episode()), "grasp_penalties": penalties}), make_episode()])
    first, second = read_episodes(path)
    np.testing.assert_array_equal(first.grasp_penalties, penalties)
    assert second.grasp_penalties is None


def test_penalties_must_have_the_episodes_length():
    with pytest.raises(ValueError, match="grasp_penalties has 2 entries; an episode of 3 steps needs 3"):
        Episode(**{**vars(make_episode()), "grasp_penalties": np.zeros(2, np.float32)})


def test_the_last_episode_can_be_taken_back_once(path):
    write(path, [make_episode(seed=0)])
    with EpisodeWriter(path, HEADER) as writer:
        assert not writer.remove_last()  # Not what was there before.
        writer.append(make_episode(seed=1))
        writer.append(make_episode(seed=2))
        assert writer.remove_last()
        assert not writer.remove_last()
        writer.append(make_episode(seed=3))
    assert [episode.metadata["scene_seed"] for episode in read_episodes(path)] == [0, 1, 3]


def test_a_file_that_was_put_in_place_of_another_is_not_written_into_the_void(path, monkeypatch):
    write(path, [make_episode()])
    real = fcntl.flock

    def replace_before_locking(file, operation):
        other = path.with_name("other")
        write_bytes = path.read_bytes()
        other.write_bytes(write_bytes)
        other.replace(path)
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", replace_before_locking)
    with pytest.raises(EpisodeFileError, match="try again"):
        EpisodeWriter(path, HEADER)


def written(body):
    """A record with the right checksum, whatever it holds."""
    return RecordHead(len(body), zlib.crc32(body)).pack() + body


def manifest(text, blobs=b""):
    return _LENGTH.pack(len(text)) + text.encode() + blobs


def array(name="actions", kind="<f4", shape="[3, 4]", size=48, packed="false"):
    entry = f'{{"name": "{name}", "type": "{kind}", "shape": {shape}, "bytes": {size}, "is_packed": {packed}}}'
    return manifest(f'{{"kind": "episode", "fields": {{}}, "arrays": [{entry}]}}', b"x" * 48)


FIELDS = {"terminated": True, "truncated": False, "success": True, "metadata": {}}
ARRAYS = {
    "actions": np.zeros((3, 4), np.float32),
    "rewards": np.zeros(3),
    "interventions": np.zeros(3, bool),
    "stamps_ns": np.zeros(4, np.int64),
}


def episode_record(fields=None, **arrays):
    return encode_record(Record(kind="episode", fields=FIELDS | (fields or {}), arrays=ARRAYS | arrays))


WRONG = {
    "no length": written(b"x"),
    "a manifest that is longer than the record": written(_LENGTH.pack(2**31) + b"{}"),
    "no JSON": written(manifest("{")),
    "endless nesting": written(manifest("[" * 100_000)),
    "a list": written(manifest("[]")),
    "no arrays": written(manifest('{"kind": "episode", "fields": {}}')),
    "fields that are none": written(manifest('{"kind": "episode", "fields": 1, "arrays": []}')),
    "an unknown type": written(array(kind="quux")),
    "objects": written(array(kind="|O")),
    "an endless shape": written(array(shape="[4611686018427387904, 4611686018427387904]", packed="true")),
    "a negative shape": written(array(shape="[-1]")),
    "a shape of words": written(array(shape='["a"]')),
    "what is not packed": written(array(packed="true")),
    "a size that is none": written(array(size='"a"')),
    "nothing of an episode": encode_record(Record(kind="episode", fields={}, arrays={})),
    "a success that is none": episode_record({"success": 1}),
    "metadata that are none": episode_record({"metadata": []}),
    "another number of rewards": episode_record(rewards=np.zeros(2)),
    "actions without components": episode_record(actions=np.zeros(3, np.float32)),
    "rewards without steps": episode_record(rewards=np.zeros(())),
    "interventions of numbers": episode_record(interventions=np.zeros(3)),
}


@pytest.mark.parametrize("record", WRONG.values(), ids=WRONG)
def test_a_record_that_is_right_in_checksum_and_wrong_in_content_is_left_out(path, record):
    write(path, [make_episode(seed=0)])
    with path.open("ab") as file:
        file.write(record)
    write(path, [make_episode(seed=1)])
    with pytest.warns(EpisodeFileWarning, match="episode 2 is damaged and was left out"):
        episodes = read_episodes(path)
    assert [episode.metadata["scene_seed"] for episode in episodes] == [0, 1]


@pytest.mark.parametrize(
    "fields", [{}, {"version": "1", "task": "x"}, {"version": 1, "task": 3, "specification": {}, "metadata": {}}]
)
def test_a_header_that_is_wrong_in_content_is_one_sentence(path, fields):
    path.write_bytes(MAGIC + encode_record(Record(kind="header", fields=fields, arrays={})))
    with pytest.raises(EpisodeFileError, match="a header that does not say what it holds"):
        read_episodes(path)
