"""Checkpoints: whole or not at all, checked, pruned."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts.checkpoint import Checkpoint, CheckpointWriter
from serl_rl.errors import CheckpointError
from tests.support.small_disk import small_disk

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-100, 100), st.text(max_size=5), st.just("tensor"), st.floats(-1, 1)
)
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
)


def made(value=1.0):
    return Checkpoint({"critic_updates": 3, "agent": {}}, {"weight": torch.full((4,), value)}, {"mean": torch.ones(2)})


def test_what_was_saved_is_loaded(tmp_path):
    checkpoints.save(made(), tmp_path / "7")
    assert checkpoints.read_manifest(tmp_path / "7")["critic_updates"] == 3
    assert torch.equal(checkpoints.load_tensors(tmp_path / "7", checkpoints.AGENT)["weight"], torch.ones(4))


def test_weights_that_lie_channels_last_are_saved(tmp_path):
    weight = torch.arange(24.0).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    checkpoints.save(Checkpoint({"agent": {}}, {"weight": weight}, {"weight": weight}), tmp_path / "7")
    for name in (checkpoints.AGENT, checkpoints.POLICY):
        assert torch.equal(checkpoints.load_tensors(tmp_path / "7", name)["weight"], weight)


def test_a_full_disk_is_one_error_and_spares_what_was_there(tmp_path):
    with small_disk(tmp_path / "disk", 100_000) as disk:
        writer = CheckpointWriter(disk, kept=2)
        writer.start(made(), 1)
        writer.wait()
        writer.start(Checkpoint({"agent": {}}, {"weight": torch.zeros(100_000)}, {}), 2)
        with pytest.raises(CheckpointError, match=r"cannot write a checkpoint in .*: No space left on device"):
            writer.wait()
        assert checkpoints.read_manifest(checkpoints.newest(disk))["critic_updates"] == 3


def test_saving_again_replaces(tmp_path):
    checkpoints.save(made(1.0), tmp_path / "7")
    checkpoints.save(made(2.0), tmp_path / "7")
    assert checkpoints.load_tensors(tmp_path / "7", checkpoints.AGENT)["weight"][0] == 2.0
    assert [path.name for path in tmp_path.iterdir()] == ["7"]


@pytest.mark.trap
def test_an_unfinished_checkpoint_is_not_seen(tmp_path):
    checkpoints.save(made(), tmp_path / "7")
    (tmp_path / ".9.partial").mkdir()
    (tmp_path / "8").mkdir()
    assert checkpoints.newest(tmp_path) == tmp_path / "7"
    assert checkpoints.newest(tmp_path / "nothing") is None


@pytest.mark.trap
@pytest.mark.parametrize("damage", ["shorter", "changed", "gone"])
def test_a_damaged_file_is_named(tmp_path, damage):
    checkpoints.save(made(), tmp_path / "7")
    file = tmp_path / "7" / checkpoints.AGENT
    content = file.read_bytes()
    file.unlink() if damage == "gone" else file.write_bytes(
        content[:-3] if damage == "shorter" else content[:-1] + b"\x55"
    )
    with pytest.raises(CheckpointError, match=r"corrupt: agent\.safetensors"):
        checkpoints.read_manifest(tmp_path / "7")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "corrupt"),
        ("[]", "foreign"),
        (json.dumps({"format": "other"}), "foreign"),
        (
            json.dumps({"format": checkpoints.FORMAT, "format_version": checkpoints.FORMAT_VERSION, "files": "x"}),
            "corrupt: its manifest.json names no files",
        ),
    ],
)
def test_a_foreign_or_broken_manifest_is_told_apart(tmp_path, text, sentence):
    (tmp_path / checkpoints.MANIFEST).write_text(text)
    with pytest.raises(CheckpointError, match=sentence):
        checkpoints.read_manifest(tmp_path)


def test_an_empty_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="is not a checkpoint"):
        checkpoints.read_manifest(tmp_path)


def test_a_newer_format_is_refused(tmp_path):
    (tmp_path / checkpoints.MANIFEST).write_text(json.dumps({"format": checkpoints.FORMAT, "format_version": 99}))
    with pytest.raises(CheckpointError, match="version 99"):
        checkpoints.read_manifest(tmp_path)


def test_the_writer_keeps_the_last_few(tmp_path):
    writer = CheckpointWriter(tmp_path, kept=2)
    for number in (5, 10, 100):
        writer.start(made(), number)
    writer.wait()
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [10, 100]


def test_the_writer_reports_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    writer = CheckpointWriter(tmp_path / "file" / "below", kept=2)
    writer.start(made(), 1)
    with pytest.raises(CheckpointError, match="cannot write"):
        writer.wait()


@given(NESTED)
def test_unflatten_inverts_flatten(state):
    tensors, skeleton = checkpoints.flatten(_with_tensors(state))
    restored = checkpoints.unflatten(tensors, json.loads(json.dumps(skeleton)))
    assert _equal(restored, _with_tensors(state))


def test_flatten_copies():
    weight = torch.zeros(2)
    tensors, skeleton = checkpoints.flatten({"weight": weight})
    weight += 1
    assert checkpoints.unflatten(tensors, skeleton)["weight"].sum() == 0


def _with_tensors(state):
    if state == "tensor":
        return torch.arange(3)
    if isinstance(state, list):
        return [_with_tensors(item) for item in state]
    return {key: _with_tensors(item) for key, item in state.items()} if isinstance(state, dict) else state


def _equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return a == b
